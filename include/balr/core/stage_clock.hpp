#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>

namespace balr {

// Adds up the time that any number of threads spend in one stage.
class StageClock {
 public:
  // Counts until its end.
  class Measure {
   public:
    explicit Measure(std::atomic<std::int64_t>& total) : total_(total) {}
    ~Measure() { total_ += std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin_).count(); }
    Measure(const Measure&) = delete;
    Measure& operator=(const Measure&) = delete;

   private:
    using Clock = std::chrono::steady_clock;
    std::atomic<std::int64_t>& total_;
    Clock::time_point begin_ = Clock::now();
  };
  Measure measure() { return Measure(nanoseconds_); }
  double seconds() const { return 1e-9 * static_cast<double>(nanoseconds_); }

 private:
  std::atomic<std::int64_t> nanoseconds_{0};
};

}  // namespace balr
