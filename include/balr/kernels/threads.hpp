#pragma once
#include <cstdint>
#include <functional>

// How kernels are given threads: by their caller, never from a global.
namespace balr {

// Runs job(0), ..., job(count - 1) in any order and on any threads; returns when all are done.
// ThreadPool::runner() of core/thread_pool.hpp is one.
using ParallelFor =
    std::function<void(std::int64_t count, const std::function<void(std::int64_t)>& job)>;

struct Threads {
  int count = 1;         // into how many pieces work is cut, at most
  ParallelFor run = {};  // empty: the caller's thread does everything
};

}  // namespace balr
