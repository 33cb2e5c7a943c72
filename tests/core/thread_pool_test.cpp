#include "balr/core/thread_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>

namespace {

using balr::ThreadPool;

TEST(ThreadPool, RunsEachJobOnce) {
  for (const int threads : {1, 2, 3, 7})
    for (const std::int64_t count : {0, 1, 2, 3, 100}) {
      ThreadPool pool(threads);
      EXPECT_EQ(pool.size(), threads);
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      for (int repeat = 0; repeat < 20; ++repeat)
        pool.parallel_for(count, [&](std::int64_t i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& value : runs) EXPECT_EQ(value, 20);
    }
}

// Two jobs that wait for each other end only if two threads run them.
TEST(ThreadPool, RunsJobsAtTheSameTime) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  std::atomic<bool> together{true};
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  pool.parallel_for(2, [&](std::int64_t) {
    ++arrived;
    while (arrived < 2 && together)
      if (std::chrono::steady_clock::now() > limit)
        together = false;
      else
        std::this_thread::yield();
  });
  EXPECT_TRUE(together);
}

TEST(ThreadPool, ThrowsTheLowestFailureAfterAllHaveRun) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> runs{0};
    try {
      pool.parallel_for(50, [&](std::int64_t i) {
        ++runs;
        if (i >= 10 && i % 2 == 0) throw std::runtime_error(std::to_string(i));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "10");
    }
    EXPECT_EQ(runs, 50);
    std::atomic<int> after{0};
    pool.parallel_for(5, [&](std::int64_t) { ++after; });  // the pool is still usable
    EXPECT_EQ(after, 5);
  }
}

TEST(ThreadPool, NestedCallsRunOnTheirOwnThread) {
  ThreadPool pool(3);
  std::atomic<int> runs{0}, elsewhere{0};
  pool.parallel_for(6, [&](std::int64_t) {
    const auto self = std::this_thread::get_id();
    pool.parallel_for(5, [&](std::int64_t) {
      ++runs;
      if (std::this_thread::get_id() != self) ++elsewhere;
    });
  });
  EXPECT_EQ(runs, 30);
  EXPECT_EQ(elsewhere, 0);
}

TEST(ThreadPool, TwoCallersAtOnce) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> sum{0};
  const auto call = [&] {
    for (int repeat = 0; repeat < 200; ++repeat)
      pool.parallel_for(10, [&](std::int64_t i) { sum += i; });
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(sum, 2 * 200 * 45);
}

// While there is nothing to do, the workers use no processor time.
TEST(ThreadPool, DoesNotSpin) {
  ThreadPool pool(4);
  pool.parallel_for(8, [](std::int64_t) {});
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.1);
}

TEST(ThreadPool, RunnerIsParallelFor) {
  ThreadPool pool(2);
  const auto run = pool.runner();
  std::atomic<std::int64_t> sum{0};
  run(100, [&](std::int64_t i) { sum += i; });
  EXPECT_EQ(sum, 4950);
}

TEST(ThreadPool, UsableCores) {
  EXPECT_GE(balr::usable_cores(), 1);
  EXPECT_LE(balr::usable_cores(),
            static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace
