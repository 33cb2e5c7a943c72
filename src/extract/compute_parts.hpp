#pragma once
#include <cstdint>
#include <functional>

namespace balr {

class ClaimClient;
class PartFolder;
class RowEngine;
class StopFlag;
class World;

struct ComputeProgress {
  std::int64_t rows_done = 0;    // by this rank, in this run
  std::int64_t rows_failed = 0;
};

struct PublishRules {
  bool save = true;                      // false: results are thrown away
  std::function<void()> before_publish;  // may throw
};

// Claims parts, computes their rows and publishes them until no part is left or a stop is asked for; then what is
// finished of open parts is published as fragments. `between` is called many times a second (lease, progress).
// Returns true if it was stopped. Main thread only.
bool compute_parts(World& world, ClaimClient& claims, const PartFolder& folder, RowEngine& engine, const StopFlag& stop,
                   const PublishRules& rules, ComputeProgress& progress, const std::function<void()>& between);

}  // namespace balr
