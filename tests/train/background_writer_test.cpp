#include "train/background_writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <vector>

namespace balr {
namespace {

TEST(BackgroundWriter, DoesTheJobsInTheirOrder) {
  std::vector<int> done;
  BackgroundWriter writer;
  for (int i = 0; i < 20; ++i) writer.add([&done, i] { done.push_back(i); });
  writer.finish();
  ASSERT_EQ(done.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(writer.idle());
}

TEST(BackgroundWriter, AFailureEndsTheWorkAndReachesTheCaller) {
  std::atomic<int> later{0};
  BackgroundWriter writer;
  writer.add([] { throw std::runtime_error("disk full"); });
  EXPECT_THROW(writer.finish(), std::runtime_error);
  EXPECT_THROW(writer.add([&later] { ++later; }), std::runtime_error);
  EXPECT_THROW(writer.throw_if_failed(), std::runtime_error);
  EXPECT_EQ(later, 0);
}

TEST(BackgroundWriter, DestructionFinishesWhatWasAdded) {
  std::atomic<int> done{0};
  {
    BackgroundWriter writer;
    for (int i = 0; i < 4; ++i)
      writer.add([&done] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ++done;
      });
  }
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace balr
