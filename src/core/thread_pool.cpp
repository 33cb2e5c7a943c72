#include "balr/core/thread_pool.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "balr/core/error.hpp"

namespace balr {
namespace {

int affinity_cores() {
  // A machine may have more processors than a cpu_set_t holds: grow until the kernel is content.
  for (int size = 1024; size <= 1 << 20; size *= 2) {
    cpu_set_t* set = CPU_ALLOC(size);
    if (!set) break;
    const bool known = sched_getaffinity(0, CPU_ALLOC_SIZE(size), set) == 0;
    const int cores = known ? CPU_COUNT_S(CPU_ALLOC_SIZE(size), set) : 0;
    CPU_FREE(set);
    if (known) return std::max(cores, 1);
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// The least CPU quota of this process's cgroup (version 2) and those above it, in cores; 0 if there
// is none.
double quota_cores() {
  std::ifstream own("/proc/self/cgroup");
  std::string line, path;
  while (std::getline(own, line))
    if (line.starts_with("0::/")) path = line.substr(4);
  const std::filesystem::path root = "/sys/fs/cgroup";
  double least = 0;
  for (std::filesystem::path folder = root / path;; folder = folder.parent_path()) {
    double quota = 0, period = 0;
    std::ifstream file(folder / "cpu.max");
    if (file >> quota >> period && quota > 0 && period > 0)
      least = least == 0 ? quota / period : std::min(least, quota / period);
    if (folder == root || !folder.has_relative_path()) return least;
  }
}

// Returns when the counter is no longer at `seen`, or after some microseconds.
void look_out(const std::atomic<std::uint64_t>& counter, std::uint64_t seen) {
  constexpr auto kLongest = std::chrono::microseconds(20);
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 16; ++i) {
      if (counter.load(std::memory_order_acquire) != seen) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() - start < kLongest);
}

}  // namespace

int usable_cores() {
  const int cores = affinity_cores();
  const double quota = quota_cores();
  return quota == 0 ? cores : std::clamp(static_cast<int>(std::ceil(quota)), 1, cores);
}

ThreadPool::ThreadPool(int threads) {
  BALR_CHECK(threads >= 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    ++begun_;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (const std::uint64_t seen = begun_; !stop_ && next_ >= count_) {
      lock.unlock();
      look_out(begun_, seen);
      lock.lock();
    }
    wake_.wait(lock, [this] { return stop_ || next_ < count_; });
    if (stop_) return;
    take_jobs(lock);
  }
}

void ThreadPool::take_jobs(std::unique_lock<std::mutex>& lock) {
  while (next_ < count_) {
    const std::int64_t index = next_++;
    const Job& job = *job_;
    std::exception_ptr failure;
    lock.unlock();
    try {
      job(index);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && (!failure_ || index < failed_index_)) {
      failure_ = failure;
      failed_index_ = index;
    }
    if (++done_ == count_) {
      ++ended_;
      finished_.notify_one();
    }
  }
}

void ThreadPool::parallel_for(std::int64_t count, const Job& job) {
  std::unique_lock lock(mutex_);
  if (workers_.empty() || count <= 1 || busy_) {
    lock.unlock();
    std::exception_ptr failure;
    for (std::int64_t i = 0; i < count; ++i) try {
        job(i);
      } catch (...) {
        if (!failure) failure = std::current_exception();
      }
    if (failure) std::rethrow_exception(failure);
    return;
  }
  busy_ = true;
  job_ = &job;
  count_ = count;
  next_ = done_ = 0;
  failure_ = nullptr;
  ++begun_;
  wake_.notify_all();
  take_jobs(lock);
  if (const std::uint64_t seen = ended_; done_ != count_) {
    lock.unlock();
    look_out(ended_, seen);
    lock.lock();
  }
  finished_.wait(lock, [this] { return done_ == count_; });
  count_ = next_ = 0;
  busy_ = false;
  const std::exception_ptr failure = std::exchange(failure_, nullptr);
  lock.unlock();
  if (failure) std::rethrow_exception(failure);
}

std::function<void(std::int64_t, const ThreadPool::Job&)> ThreadPool::runner() {
  return [this](std::int64_t count, const Job& job) { parallel_for(count, job); };
}

}  // namespace balr
