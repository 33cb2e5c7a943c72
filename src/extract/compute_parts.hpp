#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "extract/progress_board.hpp"
#include "extract/row_engine.hpp"
#include "extract/suspects.hpp"

namespace balr {

class ClaimClient;
class Journal;
class PartFolder;
class StopFlag;
class World;

struct ComputeRules {
  bool save = true;                                                   // false: results are thrown away
  std::function<void()> before_publish;                               // may throw
  std::function<std::optional<RowResult>(std::int64_t row)> reuse;    // a row that need not be computed; may be empty
  TrialOptions trial;                                                 // of rows whose decoding hangs
  Journal* journal = nullptr;
};

// Claims rows, computes and publishes them until none is left or a stop is asked for; then what is finished of claimed rows is
// published as fragments. A row whose decoding takes longer than the time-out is tried alone in a child process meanwhile, and
// gets kCrashed if it hangs there too. `between` is called many times a second (progress). Returns true if it was stopped.
// Main thread only.
bool compute_parts(World& world, ClaimClient& claims, const PartFolder& folder, const Manifest& manifest, RowEngine& engine,
                   const StopFlag& stop, const ComputeRules& rules, RankProgress& progress, const std::function<void()>& between);

}  // namespace balr
