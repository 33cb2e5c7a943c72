#pragma once
#include <functional>
#include <string>
#include <vector>

namespace balr {

class World;

// Collective. Work in numbered blocks, block b on rank b % ranks; rank 0 gets the results in the
// order of the blocks, and no more than a few of a rank's at a time are on their way, so that the
// memory of rank 0 is bounded however slow it writes.
//
// `next` computes this rank's next few results; empty: it has no more. `consume` is called on rank
// 0 with each. If either throws an Error, no later result is consumed and all ranks throw that of
// the first block: the same on any number of ranks.
void gather_in_order(World& world, const std::function<std::vector<std::string>()>& next,
                     const std::function<void(std::string)>& consume);

}  // namespace balr
