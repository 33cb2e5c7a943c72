#include "balr/bae/step_ops.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "bae/thread_collective.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

// Every operation of both implementations against a formula in float64, on views with gaps between
// rows and odd widths.
class StepOpsTest : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<StepOps> ops =
      GetParam() ? make_canonical_ops(nullptr, {2, pool.runner()}) : make_device_ops(nullptr);

  at::Tensor rows(std::int64_t count, std::int64_t cols, double scale = 1.0) {
    return (at::randn({count, cols + 5}, generator, at::kFloat) * scale).narrow(1, 2, cols);
  }
  static at::Tensor wide(const at::Tensor& t) { return t.to(at::kDouble); }
  static void expect_near(const at::Tensor& actual, const at::Tensor& expected,
                          double tolerance = 1e-6) {
    ASSERT_EQ(actual.sizes(), expected.sizes());
    EXPECT_LT((wide(actual) - expected).abs().max().item<double>(),
              tolerance * (1.0 + expected.abs().max().item<double>()));
  }
  at::Tensor total_of(std::int64_t batch, std::int64_t width,
                      const std::function<void(const BatchPlan&, at::Tensor)>& fill) {
    const BatchPlan plan = ops->plan(batch);
    const at::Tensor partials =
        at::full({plan.blocks, width + 3}, 7.0, at::kDouble).narrow(1, 1, width);
    fill(plan, partials);
    return ops->total(partials, plan, "test");
  }

  ThreadPool pool{2};
  at::Generator generator = at::detail::createCPUGenerator(42);
  const std::int64_t n = 53, h = 37;
};

INSTANTIATE_TEST_SUITE_P(, StepOpsTest, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Canonical" : "Device"; });

TEST_P(StepOpsTest, Product) {
  const at::Tensor a = rows(n, 20), w = rows(h, 20), bias = at::randn({h}, generator, at::kFloat),
                   out = rows(n, h);
  ops->product(a, w.t(), bias, out);
  expect_near(out, wide(a).mm(wide(w).t()) + bias);
  ops->product(a, w.t(), {}, out);
  expect_near(out, wide(a).mm(wide(w).t()));
  const at::Tensor gradient = rows(h, 20);
  ops->product(out.t(), a, {}, gradient);
  expect_near(gradient, wide(out).t().mm(wide(a)));
}

TEST_P(StepOpsTest, ElementWise) {
  const at::Tensor x = rows(n, h, 3.0), y = x.clone(), z = rows(n, h, 0.5), out = rows(n, h);
  ops->tanh(y);
  expect_near(y, wide(x).tanh());
  at::Tensor grad = x.clone();
  ops->tanh_backward(grad, y);
  expect_near(grad, wide(x) * (1 - wide(y).square()));
  ops->codes(x, out);
  expect_near(out, x.gt(0).to(at::kDouble), 1e-12);
  EXPECT_GT(x.abs().max().item<float>(), 3.0f);  // the clamp is seen
  ops->straight_through(x, {}, y, out);
  expect_near(out, wide(x).clamp(-1, 1) * (1 - wide(y).square()));
  ops->straight_through(x, z, y, out);
  expect_near(out, (wide(x).clamp(-1, 1) + wide(z)) * (1 - wide(y).square()));
  ops->difference(x, z, 0.25, out);
  expect_near(out, (wide(x) - wide(z)) * 0.25);
  ops->relu(x);
  EXPECT_TRUE(at::equal(x, x.clamp_min(0)) && x.eq(0).any().item<bool>());
}

// Batch-norm of relu(a) and its gradients against autograd.
TEST_P(StepOpsTest, BatchNorm) {
  const at::Tensor a = wide(rows(n, h)).set_requires_grad(true), upstream = rows(n, h);
  const at::Tensor gamma = at::randn({h}, generator, at::kFloat),
                   beta = at::randn({h}, generator, at::kFloat);
  at::Tensor g = wide(gamma).set_requires_grad(true), b = wide(beta).set_requires_grad(true);
  const at::Tensor mean64 = at::zeros({h}, at::kDouble), var64 = at::ones({h}, at::kDouble);
  const at::Tensor expected = at::batch_norm(a.relu(), g, b, mean64, var64, true, 0.1, 1e-5, false);
  expected.backward(wide(upstream));

  const at::Tensor x = a.detach().to(at::kFloat), out = rows(n, h), grad = rows(n, h);
  ops->relu(x);
  const BatchStatistics of = ops->statistics(
      total_of(n, 2 * h, [&](const auto& plan, const auto& p) { ops->moments(x, plan, p); }), n);
  ops->normalize(x, of, gamma, beta, out);
  expect_near(out, expected.detach(), 2e-6);
  const at::Tensor totals = total_of(n, 2 * h, [&](const auto& plan, const auto& p) {
    ops->normalize_sums(upstream, x, of.mean, plan, p);
  });
  ops->normalize_backward(upstream, x, of, gamma, totals, n, grad);
  expect_near(grad, a.grad(), 2e-6);
  const at::Tensor grad_gamma = at::empty({h}), grad_beta = at::empty({h});
  ops->normalize_parameter_grads(totals, of, grad_gamma, grad_beta);
  expect_near(grad_gamma, g.grad(), 2e-6);
  expect_near(grad_beta, b.grad(), 2e-6);

  const at::Tensor mean = at::zeros({h}), var = at::ones({h}), tracked = at::zeros({}, at::kLong);
  ops->update_running(of, n, at::scalar_tensor(false, at::kBool), mean, var, tracked);
  EXPECT_TRUE(at::equal(mean, at::zeros({h})) && at::equal(var, at::ones({h})) &&
              tracked.item<std::int64_t>() == 0);
  ops->update_running(of, n, at::scalar_tensor(true, at::kBool), mean, var, tracked);
  expect_near(mean, mean64);
  expect_near(var, var64);
  EXPECT_EQ(tracked.item<std::int64_t>(), 1);
}

TEST_P(StepOpsTest, Sums) {
  const at::Tensor x = rows(n, h), y = rows(n, h), out = at::empty({h});
  const at::Tensor squares = total_of(
      n, 1, [&](const auto& plan, const auto& p) { ops->square_difference(x, y, plan, p); });
  EXPECT_NEAR(squares.item<double>() / (wide(x) - wide(y)).square().sum().item<double>(), 1.0,
              1e-6);
  ops->column_sums(x, ops->plan(n), out);
  expect_near(out, wide(x).sum(0));
}

// Ten steps of torch.optim.Adam's formula in float64.
TEST_P(StepOpsTest, Adam) {
  const std::int64_t count = 1000;
  const at::Tensor parameters = at::randn({count}, generator, at::kFloat);
  at::Tensor p = wide(parameters).clone(), m = at::zeros({count}, at::kDouble), v = m.clone();
  const at::Tensor first = at::zeros({count}), second = at::zeros({count}),
                   steps = at::zeros({}, at::kDouble);
  const std::vector<Range> all = {{0, 400}, {400, count}};
  const at::Tensor loss = at::zeros({}, at::kDouble);
  for (int step = 1; step <= 10; ++step) {
    const at::Tensor gradient = at::randn({count}, generator, at::kFloat), g = wide(gradient);
    const at::Tensor poisoned = gradient.clone();
    poisoned[step * 99] = step % 2 ? INFINITY : NAN;
    const auto update = [&](const at::Tensor& with, const at::Tensor& of_loss) {
      const AdamPart part{parameters, with, first, second, all};
      ops->adam({&part, 1}, steps, at::scalar_tensor(1e-3, at::kDouble), ops->update_allowed(with, all, of_loss));
    };
    update(poisoned, loss);
    update(gradient, loss / 0.0);
    update(gradient, loss);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    p = p -
        1e-3 * (m / (1 - std::pow(0.9, step))) / ((v / (1 - std::pow(0.999, step))).sqrt() + 1e-8);
  }
  EXPECT_EQ(steps.item<double>(), 10.0);
  expect_near(parameters, p);
  expect_near(first, m);
  expect_near(second, v);
}

TEST(CanonicalOps, CodesPassThroughBits) {
  const auto ops = make_canonical_ops(nullptr, {});
  at::Generator generator = at::detail::createCPUGenerator(1);
  for (const std::int64_t width : {1, 31, 32, 33, 512}) {
    const at::Tensor codes = at::randn({9, width}, generator, at::kFloat).gt(0).to(at::kFloat),
                     back = at::full({9, width}, 7.0f);
    const at::Tensor bits = at::empty({9, StepOps::bit_columns(width)});
    ops->pack_codes(codes, bits);
    ops->unpack_codes(bits, back);
    EXPECT_TRUE(at::equal(codes, back)) << width;
  }
}

TEST(StepOps, PlansCoverEveryRowOnce) {
  for (const bool canonical : {true, false})
    for (const int size : {1, 2, 3, 5, 8, 13})
      test::ThreadRanks(size).run([&](Collective& collective) {
        const auto ops =
            canonical ? make_canonical_ops(&collective, {}) : make_device_ops(&collective);
        for (const std::int64_t batch : {1, 2, 7, 17, 64, 100, 512, 1000, 4096}) {
          const BatchPlan plan = ops->plan(batch), blocks = ops->plan(batch, 512);
          for (const BatchPlan& one : {plan, blocks}) {
            std::int64_t begin = 0, total = 0;
            for (int rank = 0; rank < size; ++rank) {
              if (rank == collective.rank()) {
                EXPECT_EQ(one.rows.begin, begin) << batch << " rows";
              }
              begin += one.rows_of_rank[static_cast<std::size_t>(rank)];
            }
            EXPECT_EQ(begin, batch);
            for (const std::int64_t count : one.blocks_of_rank) total += count;
            if (canonical) {
              EXPECT_EQ(total, (batch + one.block_rows - 1) / one.block_rows);
            }
            EXPECT_EQ(one.blocks, one.blocks_of_rank[static_cast<std::size_t>(collective.rank())]);
          }
          if (canonical) {
            EXPECT_EQ(plan.rows, rank_rows(batch, collective.rank(), size));
            EXPECT_EQ(plan.block_rows, block_rows(batch));
          }
        }
      });
}

}  // namespace
}  // namespace balr
