#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace balr {

// How far a long job is, on rank 0: one bar on a terminal, one log line every ten seconds elsewhere. Elsewhere than on rank 0
// it says nothing.
class Progress {
 public:
  // `done` of `total` `unit`s ("rows") were there before; they do not count for the rate.
  Progress(std::string what, std::string unit, std::int64_t done, std::int64_t total, bool speak);
  ~Progress();

  // Cheap; call it often. `note` follows the numbers, e.g. "3 failed".
  void update(std::int64_t done, const std::string& note = {});
  // Shows the last state at once and ends the bar.
  void finish(std::int64_t done, const std::string& note = {});

  double per_second() const;  // since the start

 private:
  using Clock = std::chrono::steady_clock;
  void show(const std::string& note);

  std::string what_, unit_;
  std::int64_t before_, done_, total_;
  bool speak_, terminal_, open_ = false;
  Clock::time_point begin_ = Clock::now(), shown_;
};

// "42 of 100 rows (42 %), 3.5 rows/s, 0:00:17 left, 3 failed". A rate of 0 leaves out rate and time.
std::string progress_text(std::int64_t done, std::int64_t total, const std::string& unit, double per_second,
                          const std::string& note);

}  // namespace balr
