#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "balr/run/progress.hpp"
#include "train/training_run.hpp"

namespace balr {

// What a person sees of a training, on rank 0: the progress of its steps and a line for validations, in a log file at most
// one a second.
class ProgressLog {
 public:
  ProgressLog(std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t steps_done, bool speak);

  void step(std::int64_t steps_done);
  void epoch(const EpochReport& report);
  double steps_per_second() const { return progress_.per_second(); }

 private:
  using Clock = std::chrono::steady_clock;

  std::int64_t epochs_;
  bool speak_, terminal_;
  Progress progress_;
  std::string note_;  // of the last finished epoch
  Clock::time_point last_report_;
};

}  // namespace balr
