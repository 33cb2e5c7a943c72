#pragma once

namespace balr {

class World;

// Collective. Cores that this rank may keep busy: those of its affinity mask (and cgroup), divided by the number of ranks of this
// host that have the same mask. At least 1.
int cores_of_rank(World& world);

}  // namespace balr
