#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace balr {

// Cores this process may use: its affinity mask, and its cgroup's CPU quota where there is one. At
// least 1.
int usable_cores();

// A few threads that sleep while there is nothing to do: on shared cores, spinning costs more than
// it saves. Only for some microseconds after a job do they look out for the next one, and
// parallel_for for its end: as long as waking up takes. The thread that calls parallel_for works
// too, so ThreadPool(1) starts none.
class ThreadPool {
 public:
  using Job = std::function<void(std::int64_t)>;

  // threads >= 1, the caller's included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs job(0), ..., job(count - 1), each once, in any order and on any thread; returns when all
  // are done. If some throw, the others are run all the same, and the exception of the lowest index
  // is thrown here. Called from within a job, or while another thread's call is running, it runs on
  // the calling thread alone.
  void parallel_for(std::int64_t count, const Job& job);

  // parallel_for as a value, for the kernels. The pool must outlive it.
  std::function<void(std::int64_t, const Job&)> runner();

 private:
  void work();                                         // a worker's life
  void take_jobs(std::unique_lock<std::mutex>& lock);  // until none is left to begin

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  // Guarded by mutex_. Of the call that is running:
  const Job* job_ = nullptr;
  std::int64_t count_ = 0, next_ = 0, done_ = 0;
  std::int64_t failed_index_ = 0;
  std::exception_ptr failure_;
  bool busy_ = false, stop_ = false;
  // Count up under mutex_: calls begun (and the end of the pool), calls done.
  std::atomic<std::uint64_t> begun_{0}, ended_{0};

  std::vector<std::thread> workers_;
};

}  // namespace balr
