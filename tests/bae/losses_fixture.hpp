#pragma once
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "balr/bae/step_ops.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr::test {

// By canonical operations (true) and by those of a device.
class LossesTest : public ::testing::TestWithParam<bool> {
 protected:
  ThreadPool pool{2};
  std::unique_ptr<StepOps> ops =
      GetParam() ? make_canonical_ops(nullptr, {2, pool.runner()}) : make_device_ops(nullptr);
};

inline void expect_near(const at::Tensor& actual, const at::Tensor& expected, double relative,
                        const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  EXPECT_LT((actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>(),
            relative * expected.abs().max().item<double>() + 1e-12)
      << what;
}

}  // namespace balr::test
