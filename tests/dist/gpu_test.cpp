#include "balr/dist/gpu.hpp"

#include <gtest/gtest.h>

namespace balr {
namespace {

TEST(SharedGpu, OneForEachRankOrNoneIsFine) {
  EXPECT_EQ(shared_gpu({}), "");
  EXPECT_EQ(shared_gpu({{"a", ""}, {"a", ""}}), "");
  EXPECT_EQ(shared_gpu({{"a", "GPU-1"}, {"a", "GPU-2"}, {"b", "GPU-3"}, {"b", ""}}), "");
}

TEST(SharedGpu, TheRanksAndTheHostAreNamed) {
  const std::string why = shared_gpu({{"a", "GPU-1"}, {"b", "GPU-2"}, {"b", "GPU-3"}, {"b", "GPU-2"}});
  EXPECT_NE(why.find("ranks 1 and 3 share one GPU of b"), std::string::npos) << why;
  EXPECT_NE(why.find("--gpus-per-node"), std::string::npos) << why;
}

TEST(DescribeGpu, TheCpuHasNone) {
  const GpuInfo info = describe_gpu(c10::Device(c10::kCPU));
  EXPECT_EQ(info.uuid, "");
  EXPECT_EQ(info.kernel_error, "");
}

}  // namespace
}  // namespace balr
