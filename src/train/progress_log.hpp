#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "train/training_run.hpp"

namespace balr {

// What a person sees of a training: on a terminal one line that is redrawn, in a log file a line every ten seconds, and
// a line for validations, at most one a second.
class ProgressLog {
 public:
  ProgressLog(std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t rows_per_step, std::int64_t first_step);
  ~ProgressLog();  // leaves the terminal on a fresh line
  ProgressLog(const ProgressLog&) = delete;
  ProgressLog& operator=(const ProgressLog&) = delete;

  void step(std::int64_t steps_done);
  void epoch(const EpochReport& report);

 private:
  using Clock = std::chrono::steady_clock;
  std::string describe(std::int64_t steps_done, Clock::time_point now) const;
  void clear();

  std::int64_t epochs_, steps_per_epoch_, rows_per_step_, first_step_;
  std::string losses_;  // of the last finished epoch
  bool terminal_, drawn_ = false;
  Clock::time_point begin_, last_line_, last_report_;
};

}  // namespace balr
