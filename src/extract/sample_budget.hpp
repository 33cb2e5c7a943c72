#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace balr {

// How many samples of decoded audio may wait: threads that would exceed it wait themselves. What is
// alone may exceed it.
class SampleBudget {
 public:
  explicit SampleBudget(std::int64_t limit) : limit_(limit) {}

  void acquire(std::int64_t samples) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [&] { return closed_ || used_ == 0 || used_ + samples <= limit_; });
    --waiting_;
    used_ += samples;
  }
  void release(std::int64_t samples) {
    {
      std::lock_guard lock(mutex_);
      used_ -= samples;
    }
    changed_.notify_all();
  }
  // Whether a thread waits: then somebody must release.
  bool exhausted() {
    std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }
  // Nobody waits any more.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  const std::int64_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t used_ = 0;
  int waiting_ = 0;
  bool closed_ = false;
};

}  // namespace balr
