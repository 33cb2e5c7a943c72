#include "balr/dist/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <string>

#include "balr/core/thread_pool.hpp"
#include "balr/dist/world.hpp"

namespace balr {

int cores_of_rank(World& world) {
  cpu_set_t mask;
  std::string mine = world.host() + " ";
  if (sched_getaffinity(0, sizeof mask, &mask) == 0)
    for (int core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &mask)) mine += std::to_string(core) + ",";
  const auto masks = world.all_gather(mine, "cores of each rank");
  const auto sharing = std::max<std::ptrdiff_t>(1, std::count(masks.begin(), masks.end(), mine));
  return std::max(1, usable_cores() / static_cast<int>(sharing));
}

}  // namespace balr
