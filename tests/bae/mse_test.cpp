#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "bae/golden_tensor.hpp"
#include "bae/thread_collective.hpp"
#include "balr/bae/loss.hpp"

namespace balr {
namespace {

struct MseResult {
  double value;
  at::Tensor gradient;  // of this rank's rows
};

MseResult compute(const at::Tensor& recon, const at::Tensor& x, double weight, StepOps& ops) {
  const BatchPlan plan = ops.plan(x.size(0));
  const auto own = [&](const at::Tensor& t) {
    return t.narrow(0, plan.rows.begin, plan.rows.size());
  };
  const LossInput input{plan, own(x), own(recon), {}, {}, nullptr, nullptr, {}, {}};
  LossGradients gradients;
  gradients.recon.value = at::empty_like(input.recon);
  const at::Tensor partials = at::empty({plan.blocks, 1}, at::kDouble);
  const auto loss = make_mse_loss(weight);
  loss->compute(input, ops, partials, &gradients);
  EXPECT_TRUE(gradients.recon.written);
  EXPECT_FALSE(gradients.unit_codes.written || gradients.z.written);
  return {loss->value(ops.total(partials, plan, "loss"), x.size(0), x.size(1)).item<double>(),
          gradients.recon.value};
}

// (1 + 4 + 9 + 0 + 0.25 + 2.25) / 6, and 2 (recon - x) / 6 times the weight.
TEST(Mse, ByHand) {
  const at::Tensor recon = at::tensor({1.0f, 2.0f, 3.0f, 4.0f, 0.5f, 1.5f}).reshape({3, 2});
  const at::Tensor x = at::tensor({0.0f, 0.0f, 0.0f, 4.0f, 0.0f, 3.0f}).reshape({3, 2});
  for (const bool canonical : {true, false}) {
    const auto ops = canonical ? make_canonical_ops(nullptr, {}) : make_device_ops(nullptr);
    const MseResult result = compute(recon, x, 3.0, *ops);
    EXPECT_NEAR(result.value, 2.75, 1e-12);
    EXPECT_TRUE(at::allclose(result.gradient,
                             at::tensor({1.0f, 2.0f, 3.0f, 0.0f, 0.5f, -1.5f}).reshape({3, 2})));
  }
}

TEST(Mse, EqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden/bae.h5";
  const at::Tensor x = test::read_floats(file, "batch/x"),
                   recon = test::read_floats(file, "forward/recon");
  const double expected = test::read_double(file, "mse/loss").values.at(0);
  for (const bool canonical : {true, false}) {
    const auto ops = canonical ? make_canonical_ops(nullptr, {}) : make_device_ops(nullptr);
    const MseResult result = compute(recon, x, 1.0, *ops);
    EXPECT_NEAR(result.value / expected, 1.0, 1e-7);
    // a derivative: the loss along its gradient, by a central difference in float64
    const auto value_at = [&](double step) {
      return (recon.to(at::kDouble) + step * result.gradient.to(at::kDouble) - x.to(at::kDouble))
          .square()
          .mean()
          .item<double>();
    };
    const double slope = (value_at(1.0) - value_at(-1.0)) / 2.0;
    EXPECT_NEAR(result.gradient.to(at::kDouble).square().sum().item<double>() / slope, 1.0, 1e-6);
  }
}

TEST(Mse, SameBytesOnAnyNumberOfRanks) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  for (const std::int64_t batch : {2, 17, 100, 512}) {
    const at::Tensor recon = at::randn({batch, 19}, generator, at::kFloat),
                     x = at::randn({batch, 19}, generator, at::kFloat);
    const auto alone = make_canonical_ops(nullptr, {});
    const MseResult expected = compute(recon, x, 1.0, *alone);
    for (const int size : {2, 3, 8, 11}) {
      std::vector<MseResult> results(static_cast<std::size_t>(size));
      test::ThreadRanks(size).run([&](Collective& collective) {
        const auto ops = make_canonical_ops(&collective, {});
        results[static_cast<std::size_t>(collective.rank())] = compute(recon, x, 1.0, *ops);
      });
      std::vector<at::Tensor> gradients;
      for (const MseResult& result : results) {
        EXPECT_EQ(result.value, expected.value) << batch << " rows, " << size << " ranks";
        gradients.push_back(result.gradient);
      }
      EXPECT_TRUE(at::equal(at::cat(gradients), expected.gradient));
    }
  }
}

}  // namespace
}  // namespace balr
