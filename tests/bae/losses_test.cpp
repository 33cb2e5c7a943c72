// Triplet, ArcFace and sparsity: values and gradients against the Python balr (bae.h5), and of small
// batches.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bae/golden_tensor.hpp"
#include "bae/loss_case.hpp"
#include "bae/losses_fixture.hpp"
#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using test::compute_loss;
using test::expect_near;
using test::LossesTest;
using test::LossOutcome;
using test::read_floats;

constexpr const char* kTypes[] = {"all", "hard", "semihard", "easy"};

fs::path bae_file() { return test::test_data_folder() / "golden/bae.h5"; }
double number(const std::string& name) { return test::read_double(bae_file(), name).values.at(0); }

INSTANTIATE_TEST_SUITE_P(, LossesTest, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Canonical" : "Device"; });

// The reference's batch: codes and Z in train mode from the initial weights.
struct GoldenBatch {
  at::Tensor codes = read_floats(bae_file(), "forward/b"), z = read_floats(bae_file(), "forward/Z");
  std::vector<std::int64_t> labels;
  GoldenBatch() {
    for (const double label : test::read_double(bae_file(), "batch/labels").values)
      labels.push_back(static_cast<std::int64_t>(label));
  }
};

// Tolerances: golden README section 6, a few times what it observed.
TEST_P(LossesTest, TripletEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const GoldenBatch batch;
  for (const std::string type : kTypes) {
    const auto loss = make_triplet_loss({.type = triplet_type(type)});
    const LossOutcome out = compute_loss(*loss, *ops, batch.codes, batch.z, batch.labels, {});
    const double expected = number("triplet/" + type + "/loss");
    EXPECT_NEAR(out.value, expected, 1e-6 * expected) << type;
    expect_near(out.grad_codes, read_floats(bae_file(), "triplet/" + type + "/grad_b"), 2e-6, type);
  }
}

TEST_P(LossesTest, MinedTripletsAreThoseOfTheReference) {
  BALR_NEEDS_TEST_DATA();
  const GoldenBatch batch;
  const BatchPlan plan = ops->plan(64);
  const BatchLabels labels = test::labels_of(batch.labels);
  const CodePairs pairs = ops->code_pairs(batch.codes, plan);
  const at::Tensor same = labels.classes.unsqueeze(1).eq(labels.classes.unsqueeze(0));
  for (const std::string type : kTypes) {
    const at::Tensor counts =
        ops->triplet_counts(pairs, labels, plan, mined(triplet_type(type), 0.3)).to(at::kLong);
    const double expected = number("triplet/" + type + "/mined");
    EXPECT_EQ((counts * same).sum().item<double>(), expected) << type;
    EXPECT_EQ((counts * same.logical_not()).sum().item<double>(), expected) << type;
  }
}

TEST_P(LossesTest, ArcFaceEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const GoldenBatch batch;
  const at::Tensor w = read_floats(bae_file(), "arcface/W").t().contiguous();
  const BatchPlan plan = ops->plan(64);
  const BatchLabels labels = test::labels_of(batch.labels);
  for (const std::string type : kTypes) {
    const ArcFaceSettings settings{.weight = 1.0, .type = triplet_type(type), .classes = 8};
    const LossOutcome out = compute_loss(*make_arcface_loss(settings), *ops, batch.codes, batch.z,
                                         batch.labels, w);
    const std::string group = "arcface/" + type + "/";
    EXPECT_NEAR(out.value / number(group + "loss"), 1.0, 5e-7) << type;
    expect_near(out.grad_codes, read_floats(bae_file(), group + "grad_b"), 3e-6, type);
    expect_near(out.grad_head.t(), read_floats(bae_file(), group + "grad_W"), 3e-6, type);
    const CodePairs pairs = ops->code_pairs(batch.codes, plan);
    expect_near(ops->triplet_shares(
                    ops->triplet_counts(pairs, labels, plan, mined(settings.type, 0.3)), labels),
                read_floats(bae_file(), group + "row_weights"), 1e-7, type);
  }
}

TEST_P(LossesTest, SparsityEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const GoldenBatch batch;
  for (const bool differentiable : {true, false}) {
    const auto loss = make_sparsity_loss({.differentiable = differentiable}, 512);
    const LossOutcome out = compute_loss(*loss, *ops, batch.codes, batch.z, batch.labels, {});
    EXPECT_NEAR(out.value / number("sparsity/loss"), 1.0, 1e-8);
    EXPECT_EQ(out.grad_z.defined(), differentiable);
  }
}

// Figures of the reference on a batch small enough to write down (spec, appendix A).
at::Tensor small_codes() {
  return at::tensor({1., 0., 1., 0., 0., 1., 0., 1., 0., 1., 1., 0., 0., 0., 1., 1.,
                     0., 0., 0., 0., 0., 0., 0., 0., 1., 0., 0., 0., 1., 1., 0., 0.,
                     0., 1., 0., 0., 1., 0., 1., 0., 1., 0., 1., 0., 0., 1., 0., 1.},
                    at::kFloat)
      .view({6, 8});
}
const std::vector<std::int64_t> kSmallLabels = {0, 0, 1, 1, 2, 2};

TEST_P(LossesTest, TripletOnASmallBatch) {
  const LossOutcome out = compute_loss(*make_triplet_loss({}), *ops, small_codes(),
                                       at::zeros({6, 8}), kSmallLabels, {});
  EXPECT_NEAR(out.value, 0.31141919, 1e-7);
  expect_near(out.grad_codes[0],
              at::tensor({0.05319908, -0.06479380, -0.05319908, 0., 0.04160436, 0.05319908,
                          -0.06479380, -0.05319908}),
              1e-6, "row 0");
}

TEST_P(LossesTest, ArcFaceOnASmallBatch) {
  at::Tensor w = at::empty({3, 8}, at::kFloat);
  for (int c = 0; c < 3; ++c)
    for (int r = 0; r < 8; ++r) w[c][r] = ((3 * r + 5 * c) % 7 - 3) / 3.0;
  const LossOutcome out = compute_loss(*make_arcface_loss({.weight = 1.0, .classes = 3}), *ops,
                                       small_codes(), at::zeros({6, 8}), kSmallLabels, w);
  EXPECT_NEAR(out.value, 43.27174759, 2e-5);
}

TEST_P(LossesTest, SparsityOnASmallBatch) {
  const at::Tensor z = at::tensor({.1, .9, -.3, .4, .3, .4, .5, .6, -.5, .6, .7, .8, .7, .8, -.9, 1.},
                                  at::kFloat)
                           .view({4, 4});
  const BatchLabels labels = test::labels_of({0, 0, 1, 1});
  const BatchPlan plan = ops->plan(4);
  const at::Tensor partials = at::zeros({plan.blocks, 1}, at::kDouble);
  ops->group_excess(z, labels, 2, at::tensor({0., 1., 0., 1.}, at::kDouble), 0, plan, partials, {});
  EXPECT_NEAR(ops->total(partials, plan, "test").item<double>() / 2, 0.565, 1e-6);
}

TEST(Losses, SparsityRefusesGroupsThatAreNotFull) {
  const auto loss = make_sparsity_loss({.group_rows = 2}, 8);
  loss->check(test::labels_of({5, 1, 5, 1}));
  EXPECT_THROW(loss->check(test::labels_of({1, 1, 1, 2})), DataError);
  EXPECT_THROW(loss->check(test::labels_of({1, 1, 2})), DataError);
}

TEST(Losses, UnknownTypeIsRefused) { EXPECT_THROW(triplet_type("hardest"), ConfigError); }

}  // namespace
}  // namespace balr
