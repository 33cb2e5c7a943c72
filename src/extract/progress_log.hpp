#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>

#include "balr/run/progress.hpp"
#include "extract/progress_board.hpp"

namespace balr {

// What a person and progress.json see of the work of all ranks; rank 0 shows it. Main thread only.
class ProgressLog {
 public:
  // `before` of `total` rows were there before. An empty folder: no progress.json.
  ProgressLog(World& world, std::filesystem::path folder, std::int64_t before, std::int64_t total);

  // Cheap; call it often.
  void update(const RankProgress& mine);
  void finish(const RankProgress& mine, bool complete);  // collective
  double per_second() const { return progress_.per_second(); }
  std::int64_t done() const { return done_; }

 private:
  void write_file(const RankProgress& sum);

  World& world_;
  std::filesystem::path folder_;
  std::int64_t before_, total_, done_;
  ProgressBoard board_;
  Progress progress_;
  std::chrono::steady_clock::time_point written_;
};

}  // namespace balr
