#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "extract/row_decoder.hpp"

namespace balr {

class Journal;

// Adds up the time of a stage over threads.
class StageClock {
 public:
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

// Decodes rows in whatever threads call it, notes them in the journal, and knows which of them take long.
class DecodeWatch {
 public:
  DecodeWatch(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, Journal* journal);

  // Rows of one file. Nothing if they were given up meanwhile: then the calling thread must end at once and touch nothing, as the owner of this
  // may be gone.
  std::optional<std::vector<DecodedRow>> decode(Range rows);

  // Rows that have been decoding for longer than this are given up; returns them and the threads that are at them.
  std::vector<std::pair<Range, std::thread::id>> give_up(std::chrono::duration<double> limit);

  double seconds() const;

 private:
  struct Shared;
  const Manifest& manifest_;
  Journal* journal_;
  std::shared_ptr<Shared> shared_;  // what a thread that was given up may still use
};

}  // namespace balr
