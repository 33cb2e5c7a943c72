// Triplet, ArcFace and sparsity against autograd over plain statements of them in float64, and on
// several ranks.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bae/golden_tensor.hpp"
#include "bae/loss_case.hpp"
#include "bae/losses_fixture.hpp"
#include "bae/thread_collective.hpp"
#include "balr/core/rng.hpp"

namespace balr {
namespace {

using test::compute_loss;
using test::expect_near;
using test::LossesTest;
using test::LossOutcome;

// Codes with rows alike, without any bit and with all bits; classes of unequal size, in any order,
// one with a single row.
struct Irregular {
  at::Generator generator = at::detail::createCPUGenerator(7);
  std::vector<std::int64_t> labels;
  at::Tensor codes, z;
  explicit Irregular(std::int64_t rows, std::int64_t h) {
    for (std::int64_t i = 0; i < rows; ++i) labels.push_back(i == 3 ? 99 : (i * i + i / 5) % 6);
    z = at::randn({rows, h}, generator, at::kFloat).tanh_();
    codes = z.gt(0).to(at::kFloat);
    codes[1].copy_(codes[0]);
    codes[rows - 1].copy_(codes[2]);
    if (rows > 8) codes[5].zero_(), codes[6].fill_(1.0), codes[7].zero_();
  }
};

at::Tensor unit_rows(const at::Tensor& x) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, true).clamp_min(1e-12);
}

struct Plain {
  at::Tensor mined, margins, apart;  // [n, n, n]: anchor, positive, negative
};

// The miner, with every triplet laid out.
Plain plain_miner(const at::Tensor& codes, const std::vector<std::int64_t>& labels,
                  TripletType type, double margin) {
  const at::Tensor u = unit_rows(codes), classes = at::tensor(labels, at::kLong);
  const auto n = static_cast<std::int64_t>(labels.size());
  const at::Tensor squares = (u.unsqueeze(1) - u.unsqueeze(0)).square().sum(2);
  // Equal codes are at distance 0, without a gradient.
  const at::Tensor d = at::where(squares.gt(1e-12), squares.clamp_min(1e-12).sqrt(),
                                 at::zeros_like(squares));
  const at::Tensor same = classes.unsqueeze(1).eq(classes.unsqueeze(0));
  const at::Tensor positive = same.logical_and(at::eye(n, at::kBool).logical_not());
  const at::Tensor candidates =
      positive.unsqueeze(2).logical_and(same.logical_not().unsqueeze(1));
  const at::Tensor m = d.unsqueeze(1) - d.unsqueeze(2);  // d(a, n) - d(a, p)
  // Differences that are 0 but for rounding.
  const at::Tensor clean = at::where(m.abs().lt(1e-9), at::zeros_like(m), m);
  at::Tensor kept = clean.le(margin);
  if (type == TripletType::kHard) kept = kept.logical_and(clean.le(0));
  if (type == TripletType::kSemihard) kept = kept.logical_and(clean.gt(0));
  if (type == TripletType::kEasy) kept = clean.gt(margin);
  return {kept.logical_and(candidates), clean, m};
}

TEST_P(LossesTest, TripletEqualsAutogradOverAllTriplets) {
  for (const std::int64_t rows : {6, 35})
    for (const TripletType type :
         {TripletType::kAll, TripletType::kHard, TripletType::kSemihard, TripletType::kEasy})
      // The second pair lets easy triplets have a loss.
      for (const auto& [margin, loss_margin] : {std::pair{0.3, 0.05}, {0.02, 0.4}}) {
        Irregular in(rows, 37);
        const at::Tensor leaf = in.codes.to(at::kDouble).set_requires_grad(true);
        const Plain plain = plain_miner(leaf, in.labels, type, margin);
        const at::Tensor losses = (loss_margin - plain.apart).clamp_min(0) * plain.mined;
        const at::Tensor number = losses.gt(0).sum();
        const at::Tensor loss = losses.sum() / number.clamp_min(1);
        loss.backward();
        const auto ours = make_triplet_loss(
            {.weight = 2.0, .margin = margin, .type = type, .loss_margin = loss_margin});
        const LossOutcome out = compute_loss(*ours, *ops, in.codes, in.z, in.labels, {});
        const std::string what = std::to_string(rows) + " rows, type " +
                                 std::to_string(static_cast<int>(type)) + ", margin " +
                                 std::to_string(margin);
        EXPECT_NEAR(out.value, loss.item<double>(), 1e-6) << what;
        const at::Tensor expected = leaf.grad() * 2.0;
        for (std::int64_t i = 0; i < rows; ++i) {
          if (in.codes[i].sum().item<double>() == 0) continue;  // 1e12 times as large
          EXPECT_LT((out.grad_codes[i] - expected[i]).abs().max().item<double>(), 2e-6) << what;
        }
        for (std::int64_t i = 0; i < rows; ++i)
          if (in.codes[i].sum().item<double>() == 0)
            expect_near(out.grad_codes[i], expected[i], 1e-5, what + ", row of zeros");
      }
}

TEST_P(LossesTest, ArcFaceEqualsAutograd) {
  for (const std::int64_t rows : {6, 40}) {
    Irregular in(rows, 37);
    for (std::int64_t& label : in.labels) label = label == 99 ? 9 : label;
    const std::int64_t classes = 70;
    const at::Tensor head = at::randn({classes, 37}, in.generator, at::kFloat);
    // An own class beyond the half circle: cos < -cos(28.6 degrees).
    head[in.labels[0]].copy_(-in.codes[0] - 0.02);
    const at::Tensor leaf = in.codes.to(at::kDouble).set_requires_grad(true);
    const at::Tensor w = head.to(at::kDouble).clone().set_requires_grad(true);
    const at::Tensor mined = plain_miner(leaf.detach(), in.labels, TripletType::kSemihard, 0.3).mined;
    const auto over = [&](std::int64_t a, std::int64_t b) {
      return mined.to(at::kDouble).sum(at::IntArrayRef{a, b});
    };
    const at::Tensor times = over(1, 2) + over(0, 2) + over(0, 1);
    const at::Tensor shares = times / times.max();
    const at::Tensor cosines = unit_rows(leaf).mm(unit_rows(w).t());
    const at::Tensor own = at::tensor(in.labels, at::kLong).unsqueeze(1);
    const double m = 28.6 * M_PI / 180;
    const at::Tensor angle = cosines.gather(1, own).clamp(-1, 1).acos();
    const at::Tensor turned = at::where(angle.le(M_PI - m), (angle + m).cos(),
                                        angle.cos() - m * std::sin(m));
    EXPECT_TRUE(angle.gt(M_PI - m).any().item<bool>());
    const at::Tensor logits = cosines.scatter(1, own, turned) * 64;
    const at::Tensor loss =
        (at::log_softmax(logits, 1).gather(1, own).squeeze(1).neg() * shares).mean();
    loss.backward();
    const ArcFaceSettings settings{
        .weight = 0.5, .margin = 0.3, .type = TripletType::kSemihard, .classes = classes};
    const LossOutcome out = compute_loss(*make_arcface_loss(settings), *ops, in.codes, in.z,
                                         in.labels, head);
    EXPECT_NEAR(out.value / loss.item<double>(), 1.0, 1e-6);
    expect_near(out.grad_head, w.grad() * 0.5, 3e-6, "W");
    for (std::int64_t i = 0; i < rows; ++i)
      expect_near(out.grad_codes[i], leaf.grad()[i] * 0.5, 1e-5, "row " + std::to_string(i));
  }
}

TEST_P(LossesTest, WithoutTripletsArcFaceWeighsAllRowsAlikeAndTripletIsZero) {
  Irregular in(6, 37);
  const std::vector<std::int64_t> one_class(6, 2), singles = {0, 1, 2, 3, 4, 5};
  for (const auto& labels : {one_class, singles}) {
    const LossOutcome out =
        compute_loss(*make_triplet_loss({}), *ops, in.codes, in.z, labels, {});
    EXPECT_EQ(out.value, 0.0);
    EXPECT_EQ(out.grad_codes.abs().max().item<double>(), 0.0);
    const BatchPlan plan = ops->plan(6);
    const BatchLabels sorted = test::labels_of(labels);
    const at::Tensor counts = ops->triplet_counts(ops->code_pairs(in.codes, plan), sorted, plan,
                                                  mined(TripletType::kAll, 0.3));
    EXPECT_TRUE(at::equal(ops->triplet_shares(counts, sorted), at::ones({6})));
  }
}

TEST_P(LossesTest, SparsityEqualsAutograd) {
  Irregular in(24, 37);
  std::vector<std::int64_t> labels;  // 4 rows a group; class 1 has two groups
  for (int i = 0; i < 24; ++i) labels.push_back(i % 6 == 5 ? 1 : i % 6);
  const SparsitySettings settings{.weight = 3.0, .group_rows = 4};
  const at::Tensor leaf = in.z.to(at::kDouble).set_requires_grad(true);
  const at::Tensor targets = at::tensor(legacy_numpy_randint(1234, 4, 37), at::kLong);
  at::Tensor total = at::zeros({}, at::kDouble);
  for (const std::int64_t label : {0, 1, 2, 3, 4}) {
    std::vector<at::Tensor> rows;
    for (std::int64_t i = 0; i < 24; ++i)
      if (labels[static_cast<std::size_t>(i)] == label) rows.push_back(leaf[i]);
    for (std::size_t g = 0; g < rows.size(); g += 4)
      total = total +
              (rows[g] + rows[g + 1] + rows[g + 2] + rows[g + 3] - targets).clamp(0, 1).square().sum();
  }
  const at::Tensor loss = total / 6;
  loss.backward();
  const LossOutcome out = compute_loss(*make_sparsity_loss(settings, 37), *ops, in.codes, in.z,
                                       labels, {});
  EXPECT_GT(loss.item<double>(), 0.01);
  EXPECT_NEAR(out.value / loss.item<double>(), 1.0, 1e-6);
  expect_near(out.grad_z, leaf.grad() * 3.0, 1e-6, "Z");
}

// The same bytes (canonical) or numbers (device) on several ranks as alone.
TEST(Losses, OnSeveralRanks) {
  for (const bool canonical : {true, false})
    for (const std::int64_t rows : {24, 36}) {
      Irregular in(rows, 37);
      std::vector<std::int64_t> labels;
      for (int i = 0; i < rows; ++i) labels.push_back(i % 6);
      const at::Tensor head = at::randn({70, 37}, in.generator, at::kFloat);
      const auto make = [&](Collective* collective) {
        return canonical ? make_canonical_ops(collective, {}) : make_device_ops(collective);
      };
      const std::vector<std::pair<std::shared_ptr<const Loss>, bool>> losses = {
          {make_triplet_loss({}), false},
          {make_arcface_loss({.weight = 1.0, .classes = 70}), true},
          {make_sparsity_loss({.group_rows = 2}, 37), false}};
      for (const auto& [loss, has_head] : losses) {
        const at::Tensor w = has_head ? head : at::Tensor();
        const LossOutcome alone = compute_loss(*loss, *make(nullptr), in.codes, in.z, labels, w);
        for (const int size : {2, 3, 8, 11})
          test::ThreadRanks(size).run([&, &l = *loss](Collective& collective) {
            const auto ops = make(&collective);
            const LossOutcome out = compute_loss(l, *ops, in.codes, in.z, labels, w);
            const auto agree = [&](const at::Tensor& a, const at::Tensor& b) {
              if (a.defined() && canonical)
                EXPECT_TRUE(at::equal(a, b)) << l.name() << " on " << size;
              else if (a.defined())
                expect_near(a, b, 1e-5, l.name());
            };
            if (canonical)
              EXPECT_EQ(out.value, alone.value) << l.name();
            else
              EXPECT_NEAR(out.value / alone.value, 1.0, 1e-6) << l.name();
            agree(out.grad_codes, alone.grad_codes);
            agree(out.grad_z, alone.grad_z);
            if (!has_head) return;
            const Range own = ops->features(70, collective.rank());
            agree(out.grad_head.narrow(0, own.begin, own.size()),
                  alone.grad_head.narrow(0, own.begin, own.size()));
          });
      }
    }
}

}  // namespace
}  // namespace balr
