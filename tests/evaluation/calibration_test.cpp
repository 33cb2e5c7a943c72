// PAV, ECE, affine calibration and bounds, against their definitions and closed forms. (Against
// scikit-learn and lir: evaluation_test.py.)
#include "balr/evaluation/calibration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "evaluation/score_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
using test::code_of;

// Isotonic regression by its min-max formula (Barlow et al., 1972): the fit at x is the largest
// over starts a <= x of the smallest over ends b >= x of the mean over the scores in [a, b].
double min_max_share(const ScoreSet& set, double x) {
  std::vector<double> all = set.targets;
  all.insert(all.end(), set.non_targets.begin(), set.non_targets.end());
  double best = -1;
  for (const double a : all) {
    double least = 2;
    for (const double b : all) {
      if (a > x || b < x) continue;
      double targets = 0, count = 0;
      for (const double s : set.targets)
        if (s >= a && s <= b) ++targets, ++count;
      for (const double s : set.non_targets)
        if (s >= a && s <= b) ++count;
      least = std::min(least, targets / count);
    }
    if (a <= x) best = std::max(best, least);
  }
  return best;
}

TEST(Pav, IsTheIsotonicRegression) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Philox random(seed, 2, 0);
    const ScoreSet set = test::grid_scores(random, seed % 2 ? 12 : 100000);
    const auto blocks = pool_adjacent_violators(SortedScores(set));
    std::int64_t trials = 0;
    double before = -1;
    for (const PavBlock& block : blocks) {
      const auto count = static_cast<double>(block.targets + block.non_targets);
      const double share = static_cast<double>(block.targets) / count;
      ASSERT_GT(share, before);
      before = share;
      ASSERT_NEAR(share, min_max_share(set, block.lowest), 1e-12) << seed;
      ASSERT_NEAR(share, min_max_share(set, block.highest), 1e-12) << seed;
      trials += block.targets + block.non_targets;
    }
    ASSERT_EQ(trials, static_cast<std::int64_t>(set.targets.size() + set.non_targets.size()));
  }
}

TEST(Pav, MinCllrIsALowerBoundThatNoRisingTransformMoves) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Philox random(seed, 3, 0);
    const ScoreSet set = test::grid_scores(random, 50);
    const SortedScores scores(set);
    const double least = min_cllr(scores);
    ASSERT_LE(least, cllr(scores) + 1e-12);
    ASSERT_LE(least, 1 + 1e-12);
    ASSERT_GE(least, 0);
    ScoreSet other = set;
    for (auto* side : {&other.targets, &other.non_targets})
      for (double& s : *side) s = std::exp(s) - 5;
    ASSERT_EQ(min_cllr(SortedScores(other)), least);
  }
}

TEST(Pav, ClosedForms) {
  EXPECT_EQ(min_cllr(SortedScores({{1, 2}, {-1, 0}})), 0);        // separable
  EXPECT_DOUBLE_EQ(min_cllr(SortedScores({{0, 0}, {1, 2}})), 1);  // all in one block: LR = 1
  // Infinite scores are scores like others here.
  EXPECT_EQ(min_cllr(SortedScores({{kInf}, {-kInf}})), 0);
}

TEST(Ece, AtEvenOddsItIsTheCllr) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Philox random(seed, 4, 0);
    const SortedScores scores(test::grid_scores(random, 100));
    EXPECT_NEAR(empirical_cross_entropy(scores, 0), cllr(scores), 1e-13);
    const auto blocks = pool_adjacent_violators(scores);
    EXPECT_NEAR(min_empirical_cross_entropy(blocks, 0), min_cllr(scores), 1e-13);
    for (const double odds : {-7.0, -2.0, 0.5, 6.0}) {
      EXPECT_LE(min_empirical_cross_entropy(blocks, odds), neutral_cross_entropy(odds) + 1e-12);
      EXPECT_LE(min_empirical_cross_entropy(blocks, odds),
                empirical_cross_entropy(scores, odds) + 1e-12);
    }
  }
  // LR = 1 always: the entropy of the prior, in bits.
  EXPECT_NEAR(neutral_cross_entropy(0), 1, 1e-15);
  EXPECT_NEAR(neutral_cross_entropy(std::log(0.1 / 0.9)),
              -0.1 * std::log2(0.1) - 0.9 * std::log2(0.9), 1e-14);
  EXPECT_NEAR(empirical_cross_entropy(SortedScores({{0, 0}, {0}}), 1.5), neutral_cross_entropy(1.5),
              1e-14);
}

// The objective of calibration.hpp, by its definition.
double plain_objective(const ScoreSet& set, const AffineCalibration& c,
                       const CalibrationOptions& o) {
  const auto nt = static_cast<double>(set.targets.size());
  const auto nn = static_cast<double>(set.non_targets.size());
  const double logit = std::log(o.target_prior / (1 - o.target_prior));
  const double df = o.degrees_of_freedom ? static_cast<double>(o.degrees_of_freedom) : nt + nn;
  const double kappa = o.regularization / (2 * df * (nt + nn));
  const auto soft = [](double x) { return std::log1p(std::exp(x)); };
  double sum = 0;
  for (const double s : set.targets) {
    const double z = c.apply(s) + logit;
    sum += o.target_prior / nt * soft(-z) + kappa * (soft(-z) + soft(z));
  }
  for (const double s : set.non_targets) {
    const double z = c.apply(s) + logit;
    sum += (1 - o.target_prior) / nn * soft(z) + kappa * (soft(-z) + soft(z));
  }
  return sum;
}

TEST(AffineCalibration, MinimisesItsObjective) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Philox random(seed, 5, 0);
    const ScoreSet set = test::calibrated_scores(random, 20 + static_cast<int>(seed), 200);
    for (const CalibrationOptions& options :
         {CalibrationOptions{}, CalibrationOptions{.target_prior = 0.01},
          CalibrationOptions{.regularization = 2, .degrees_of_freedom = 10}}) {
      const AffineCalibration best = fit_affine_calibration(SortedScores(set), options);
      const double value = plain_objective(set, best, options);
      for (const double step : {1e-3, -1e-3}) {
        ASSERT_LT(value, plain_objective(set, {best.slope + step, best.offset}, options));
        ASSERT_LT(value, plain_objective(set, {best.slope, best.offset + step}, options));
        ASSERT_LT(value, plain_objective(set, {best.slope + step, best.offset - step}, options));
      }
    }
  }
}

TEST(AffineCalibration, ClosedForm) {
  // Scores 0 and 1 only: the fitted log-LR at each is the log of the ratio of the shares.
  const ScoreSet set{{1, 1, 1, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  const auto fit = fit_affine_calibration(SortedScores(set));
  EXPECT_NEAR(fit.apply(1), std::log((3.0 / 4) / (1.0 / 10)), 1e-10);
  EXPECT_NEAR(fit.apply(0), std::log((1.0 / 4) / (9.0 / 10)), 1e-10);
  // Regularised with kappa and df: every score gains kappa / (2 df) of both labels, where a target
  // weighs N P / Nt and a non-target N (1 - P) / Nn.
  const double pseudo = 3.0 / (2 * 5), wt = 14 * 0.5 / 4, wn = 14 * 0.5 / 10;
  const auto shrunk =
      fit_affine_calibration(SortedScores(set), {.regularization = 3, .degrees_of_freedom = 5});
  EXPECT_NEAR(shrunk.apply(1), std::log((3 * wt + 4 * pseudo) / (1 * wn + 4 * pseudo)), 1e-10);
  EXPECT_NEAR(shrunk.apply(0), std::log((1 * wt + 10 * pseudo) / (9 * wn + 10 * pseudo)), 1e-10);
}

TEST(AffineCalibration, FindsTheTransformThatWasApplied) {
  Philox random(1, 6, 0);
  ScoreSet set = test::calibrated_scores(random, 100000, 200000);
  for (auto* side : {&set.targets, &set.non_targets})
    for (double& s : *side) s = (s + 3) / 0.02;  // so log-LR = 0.02 s - 3
  const auto fit = fit_affine_calibration(SortedScores(set));
  EXPECT_NEAR(fit.slope, 0.02, 0.0003);
  EXPECT_NEAR(fit.offset, -3, 0.03);
}

TEST(AffineCalibration, ScalesWithTheUnitOfTheScores) {
  Philox random(2, 6, 0);
  const ScoreSet set = test::calibrated_scores(random, 50, 200);
  const auto plain = fit_affine_calibration(SortedScores(set));
  for (const double unit : {1e-6, 1e6})
    for (const double shift : {0.0, 1e3}) {
      ScoreSet other = set;
      for (auto* side : {&other.targets, &other.non_targets})
        for (double& s : *side) s = s * unit + shift * unit;
      const auto fit = fit_affine_calibration(SortedScores(other));
      for (std::size_t i = 0; i < set.targets.size(); ++i)
        EXPECT_NEAR(fit.apply(other.targets[i]), plain.apply(set.targets[i]), 1e-6);
    }
}

TEST(AffineCalibration, RegularisationPullsTowardsOne) {
  Philox random(3, 6, 0);
  const SortedScores scores(test::calibrated_scores(random, 30, 300));
  double slope = kInf;
  for (const double kappa : {0.0, 0.1, 1.0, 10.0, 100.0}) {
    const auto fit =
        fit_affine_calibration(scores, {.regularization = kappa, .degrees_of_freedom = 10});
    EXPECT_LT(fit.slope, slope) << kappa;
    slope = fit.slope;
  }
  EXPECT_LT(slope, 0.2);
}

TEST(AffineCalibration, WhatCannotBeCalibratedIsAnError) {
  const auto code = [](ScoreSet set, double kappa = 0) {
    return code_of(
        [&] { fit_affine_calibration(SortedScores(std::move(set)), {.regularization = kappa}); });
  };
  EXPECT_EQ(code({{2, 3}, {0, 1}}), 65);        // separable
  EXPECT_EQ(code({{2, 3}, {0, 2}}), 65);        // but for one score, which all slopes share
  EXPECT_EQ(code({{2, 3}, {0, 1}}, 0.01), -1);  // a little regularisation makes it finite
  EXPECT_EQ(code({{0, 1}, {2, 3}}), 65);        // upside down
  EXPECT_EQ(code({{0, 1}, {2, 3}}, 1), 65);
  EXPECT_EQ(code({{0, 1, 2}, {0.5, 1.5, 2.5, 3}}), 65);
  EXPECT_EQ(code({{1, 1}, {1}}), 65);  // nothing to go by
  EXPECT_EQ(code({{1, 1}, {1}}, 1), 65);
  EXPECT_EQ(code({{}, {1, 2}}), 65);
  EXPECT_EQ(code({{1, 2}, {}}), 65);
  EXPECT_EQ(code({{-kInf, 2, 0}, {1, -1}}), 65);  // wrong and certain
  EXPECT_EQ(code({{2, 0}, {kInf, 1, -1}}), 65);
  EXPECT_EQ(code({{kInf}, {-kInf}}, 1), 65);
}

TEST(AffineCalibration, RightCertaintiesCountAsTrialsAndStayInfinite) {
  Philox random(4, 6, 0);
  ScoreSet set = test::calibrated_scores(random, 40, 100);
  ScoreSet far = set, infinite = set;
  for (int i = 0; i < 5; ++i) {
    far.targets.push_back(1e4);
    infinite.targets.push_back(kInf);
    far.non_targets.push_back(-1e4);
    infinite.non_targets.push_back(-kInf);
  }
  const auto fit = fit_affine_calibration(SortedScores(infinite));
  const auto limit = fit_affine_calibration(SortedScores(far));
  EXPECT_NEAR(fit.slope, limit.slope, 1e-8);
  EXPECT_NEAR(fit.offset, limit.offset, 1e-8);
  EXPECT_EQ(fit.apply(kInf), kInf);
  EXPECT_EQ(fit.apply(-kInf), -kInf);
}

// U(t) of elub(), by counting.
double cost_at(const ScoreSet& set, double ln_t) {
  double misses = 1, false_alarms = 1;
  for (const double s : set.targets) misses += s <= ln_t;
  for (const double s : set.non_targets) false_alarms += s > ln_t;
  return misses / (static_cast<double>(set.targets.size()) + 1) +
         std::exp(ln_t) * false_alarms / (static_cast<double>(set.non_targets.size()) + 1);
}

TEST(Elub, EnclosesTheThresholdsWhereTheSystemHelps) {
  int inside = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Philox random(seed, 7, 0);
    const ScoreSet set = seed % 3 == 0 ? test::grid_scores(random, 20)
                                       : test::calibrated_scores(random, 20, 100, 1 + seed % 4);
    const LogLrBounds bounds = elub(SortedScores(set));
    ASSERT_LE(bounds.lower, 0);
    ASSERT_GE(bounds.upper, 0);
    ASSERT_LE(bounds.upper, std::log(static_cast<double>(set.non_targets.size()) + 1));
    ASSERT_GE(bounds.lower, -std::log(static_cast<double>(set.targets.size()) + 1));
    for (double x = 1e-4; x < bounds.upper - 1e-6; x += 0.01, ++inside)
      ASSERT_LE(cost_at(set, x), 1 + 1e-12) << seed << " " << x;
    for (double x = -1e-4; x > bounds.lower + 1e-6; x -= 0.01, ++inside)
      ASSERT_LE(cost_at(set, x), std::exp(x) * (1 + 1e-12)) << seed << " " << x;
    ASSERT_GT(cost_at(set, bounds.upper + 1e-7), 1 - 1e-12) << seed;
    ASSERT_GT(cost_at(set, bounds.lower - 1e-7), std::exp(bounds.lower - 1e-7) * (1 - 1e-12))
        << seed;
  }
  EXPECT_GT(inside, 1000);
}

TEST(Elub, ClosedForms) {
  // Perfect scores far out: the bounds are set by the number of trials alone.
  ScoreSet set;
  set.targets.assign(99, 20);
  set.non_targets.assign(999, -20);
  LogLrBounds bounds = elub(SortedScores(set));
  EXPECT_NEAR(bounds.upper, std::log(1000 * 0.99), 1e-12);
  EXPECT_NEAR(bounds.lower, -std::log(100 * 0.999), 1e-12);
  // Never beyond the data: here the scores end at 1 and -1.
  set.targets.assign(99, 1);
  set.non_targets.assign(999, -1);
  bounds = elub(SortedScores(set));
  EXPECT_DOUBLE_EQ(bounds.upper, 1);
  EXPECT_DOUBLE_EQ(bounds.lower, -1);
  // Infinite scores do not widen it.
  set.targets.assign(99, kInf);
  set.non_targets.assign(999, -kInf);
  bounds = elub(SortedScores(set));
  EXPECT_NEAR(bounds.upper, std::log(1000 * 0.99), 1e-12);
  // A system that misleads gets no range at all.
  bounds = elub(SortedScores({{-5, -5}, {5, 5, 5}}));
  EXPECT_EQ(bounds.lower, 0);
  EXPECT_EQ(bounds.upper, 0);
}

TEST(Elub, CutsToTheNearestBoundOnly) {
  const LogLrBounds bounds{-2, 3};
  EXPECT_EQ(bounds.apply(-kInf), -2);
  EXPECT_EQ(bounds.apply(kInf), 3);
  EXPECT_EQ(bounds.apply(2.5), 2.5);
  EXPECT_EQ(LogLrBounds{}.apply(kInf), kInf);
}

TEST(Elub, SwappingTheHypothesesSwapsTheBounds) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Philox random(seed, 8, 0);
    const ScoreSet set = test::calibrated_scores(random, 40, 150);
    ScoreSet swapped{set.non_targets, set.targets};
    for (auto* side : {&swapped.targets, &swapped.non_targets})
      for (double& s : *side) s = -s;
    const auto a = elub(SortedScores(set)), b = elub(SortedScores(swapped));
    EXPECT_NEAR(a.lower, -b.upper, 1e-12);
    EXPECT_NEAR(a.upper, -b.lower, 1e-12);
  }
}

}  // namespace
}  // namespace balr
