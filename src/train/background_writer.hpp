#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace balr {

// Writes files on a thread of its own, in the order in which the jobs were added: a checkpoint that counts on best.pt
// is added behind it. The first exception of a job ends the work: later jobs are dropped, add() and finish() throw it.
class BackgroundWriter {
 public:
  BackgroundWriter();
  ~BackgroundWriter();  // waits for the jobs added so far; does not throw
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  void add(std::function<void()> job);  // waits while too many jobs are open: memory stays bounded
  bool idle() const;                    // nothing is open
  void finish();                        // returns when everything is written
  void throw_if_failed() const;

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;  // the front one is being done
  std::exception_ptr error_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace balr
