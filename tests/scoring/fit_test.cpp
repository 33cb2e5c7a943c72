// Fits against the Python balr 2.0.0 (its figures and golden/scoring.h5), direct formulas, and data
// that broke it.
#include "balr/scoring/fit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "balr/core/error.hpp"
#include "scoring/small_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using test::buffer;
using test::settings_of;

// Attribute n of the referential of the reference's unit tests:
// ref[s][n] = ((3 s + 5 n + s n) mod 11 active, (2 s + n) mod 7 + 1 not), 6 speakers.
SpeakerCounts reference_counts(int n) {
  SpeakerCounts counts({"0", "1", "2", "3", "4", "5"}, 1);
  for (int s = 0; s < 6; ++s) {
    const auto at = static_cast<std::size_t>(s);
    counts.active[at] = (3 * s + 5 * n + s * n) % 11;
    counts.recordings[at] = counts.active[at] + (2 * s + n) % 7 + 1;
  }
  return counts;
}

// psi(x), x > 0: recurrence, then the asymptotic series.
double digamma(double x) {
  double sum = 0;
  for (; x < 20; x += 1) sum -= 1 / x;
  const double y = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x -
         y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132))));
}

TEST(FitBeta, MomentsOfTheReference) {
  // Computed by the Python balr with 0 iterations on all three attributes at once; their common
  // size is the geometric mean of the sizes that each alone has.
  const double expected[3][2] = {
      {1.7893654, 2.6083922}, {2.6811419, 1.7166157}, {2.4135199, 1.9842377}};
  FitSettings settings = settings_of(ScorerKind::kBeta);
  settings.iterations = 0;
  std::vector<double> alone[3];
  double common = 1;
  for (int n = 0; n < 3; ++n) {
    alone[n] = buffer(fit_scorer(reference_counts(n), settings), "alpha").values;
    common *= std::cbrt(alone[n][0] + alone[n][1]);
  }
  for (int n = 0; n < 3; ++n)
    for (std::size_t k = 0; k < 2; ++k)
      EXPECT_NEAR(alone[n][k] / (alone[n][0] + alone[n][1]) * common, expected[n][k], 1e-6);
}

TEST(FitBeta, IterationsAreMinkasFixedPoint) {
  const SpeakerCounts counts = test::random_counts(9, 5, 30, 1);
  FitSettings settings = settings_of(ScorerKind::kBeta);
  settings.iterations = 0;
  std::vector<double> alpha = buffer(fit_scorer(counts, settings), "alpha").values;
  for (int i = 0; i < 12; ++i)
    for (std::int64_t a = 0; a < 5; ++a) {
      double* mine = &alpha[static_cast<std::size_t>(2 * a)];
      double on = 0, off = 0, all = 0;
      const double size = mine[0] + mine[1];
      for (std::int64_t s = 0; s < counts.size(); ++s) {
        const double n = counts.recordings[static_cast<std::size_t>(s)];
        const double c = counts.active_of(s, a);
        on += digamma(c + mine[0]) - digamma(mine[0]);
        off += digamma(n - c + mine[1]) - digamma(mine[1]);
        all += digamma(n + size) - digamma(size);
      }
      mine[0] *= on / all;
      mine[1] *= off / all;
    }
  settings.iterations = 12;
  const Fit fit = fit_scorer(counts, settings);
  const auto& values = buffer(fit, "alpha").values;
  double likelihood = 0;
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i] / alpha[i], 1, 1e-11);
  for (std::int64_t a = 0; a < 5; ++a)
    for (std::int64_t s = 0; s < counts.size(); ++s) {
      const double x = alpha[static_cast<std::size_t>(2 * a)];
      const double y = alpha[static_cast<std::size_t>(2 * a + 1)];
      const double n = counts.recordings[static_cast<std::size_t>(s)];
      const double c = counts.active_of(s, a);
      likelihood += std::lgamma(c + x) + std::lgamma(n - c + y) - std::lgamma(n + x + y) -
                    std::lgamma(x) - std::lgamma(y) + std::lgamma(x + y);
    }
  EXPECT_NEAR(*fit.report.log_likelihood / likelihood, 1, 1e-11);
}

TEST(FitTable, FiguresOfTheReference) {
  const double typicality[] = {0.6666667, 1, 1}, dropout[] = {0.5117424, 0.3903388, 0.4511930};
  const double active_first[][2] = {
      {0.9706455, -0.8067487}, {0.3151750, -1.3658276}, {0.4022598, -1.2531753}};
  for (int n = 0; n < 3; ++n)
    for (const ScorerKind kind : {ScorerKind::kDna, ScorerKind::kSpeech}) {
      const Fit fit = fit_scorer(reference_counts(n), settings_of(kind));
      EXPECT_NEAR(buffer(fit, "typicality").values[0], typicality[n], 1e-7);
      EXPECT_NEAR(buffer(fit, "dropout").values[0], dropout[n], 1e-7);
      if (kind == ScorerKind::kSpeech) continue;
      EXPECT_NEAR(buffer(fit, "llrs").values[0], active_first[n][0], 2e-7);
      EXPECT_NEAR(buffer(fit, "llrs").values[1], active_first[n][1], 2e-7);
    }
}

// Scores of the reference's unit tests, summed over its three attributes.
TEST(Fit, TrialOfTheReference) {
  const std::int32_t enrollment[] = {1, 0, 1}, test[] = {1, 1, 0};
  const std::pair<ScorerKind, double> expected[] = {{ScorerKind::kDna, -1.64835727},
                                                    {ScorerKind::kSpeech, -1.23813450},
                                                    {ScorerKind::kMaxLlr, -0.17829826}};
  for (const auto& [kind, score] : expected) {
    FitSettings settings = settings_of(kind);
    settings.iterations = 10;
    double sum = 0;
    for (int n = 0; n < 3; ++n) {
      const Fit fit = fit_scorer(reference_counts(n), settings);
      sum += make_scorer(kind, fit.buffers)
                 ->score({std::span(&enrollment[n], 1), 1}, {std::span(&test[n], 1), 1});
    }
    EXPECT_NEAR(sum, score, 5e-7) << scorer_name(kind);  // float32 there
  }
}

TEST(FitMaxLlr, IterationsAreTheTextbooks) {
  const SpeakerCounts counts = test::random_counts(12, 4, 20, 3);
  const Fit fit = fit_scorer(counts, settings_of(ScorerKind::kMaxLlr));
  for (std::int64_t n = 0; n < 4; ++n) {
    double f = 0.5, p = 0.9, q = 0.1;
    for (int i = 0; i < 100; ++i) {
      double r_sum = 0, ar = 0, nr = 0, as = 0, ns = 0;
      for (std::int64_t s = 0; s < counts.size(); ++s) {
        const double a = counts.active_of(s, n);
        const double all = counts.recordings[static_cast<std::size_t>(s)];
        const double x = f * std::pow(p, a) * std::pow(1 - p, all - a);
        const double y = (1 - f) * std::pow(q, a) * std::pow(1 - q, all - a);
        const double r = x / (x + y);
        r_sum += r, ar += a * r, nr += all * r, as += a * (1 - r), ns += all * (1 - r);
      }
      f = r_sum / 12, p = ar / nr, q = as / ns;
    }
    const auto at = static_cast<std::size_t>(n);
    EXPECT_NEAR(buffer(fit, "f").values[at], f, 1e-11);
    EXPECT_NEAR(buffer(fit, "p").values[at], p, 1e-11);
    EXPECT_NEAR(buffer(fit, "q").values[at], q, 1e-11);
  }
}

// The reference underflows to NaN from some 700 recordings of a speaker on.
TEST(FitMaxLlr, LongHistories) {
  SpeakerCounts counts({"a", "b", "c"}, 2);
  counts.recordings = {5000, 20000, 900};
  counts.active = {4000, 100, 300, 19000, 850, 30};
  const Fit fit = fit_scorer(counts, settings_of(ScorerKind::kMaxLlr));
  const auto scorer = make_scorer(ScorerKind::kMaxLlr, fit.buffers);
  const std::int32_t e[] = {700, 20}, t[] = {750, 30};
  EXPECT_TRUE(std::isfinite(scorer->score({e, 800}, {t, 800})));
}

SpeakerCounts with_constant_attributes() {
  SpeakerCounts counts = test::random_counts(8, 6, 10, 5);
  for (std::int64_t s = 0; s < 8; ++s) {
    counts.active[static_cast<std::size_t>(6 * s + 1)] = 0;
    counts.active[static_cast<std::size_t>(6 * s + 4)] =
        counts.recordings[static_cast<std::size_t>(s)];
  }
  return counts;
}

TEST(Fit, ConstantAttributesSayLittle) {
  const SpeakerCounts counts = with_constant_attributes();
  for (const ScorerKind kind : test::kFitted) {
    const Fit fit = fit_scorer(counts, settings_of(kind));
    EXPECT_EQ(fit.report.constant_attributes, (std::vector<std::int64_t>{1, 4}));
    for (const ScorerBuffer& b : fit.buffers)
      for (const double value : b.values) EXPECT_TRUE(std::isfinite(value)) << b.name;
    const auto scorer = make_scorer(kind, fit.buffers);
    for (int e = 0; e < 2; ++e)
      for (int t = 0; t < 2; ++t) {
        const std::vector<std::int32_t> x(6, e), y(6, t);
        std::vector<double> terms(6);
        scorer->contributions({x, 1}, {y, 1}, terms);
        for (const std::size_t a : {1U, 4U}) {
          // A match on what was never seen counts a factor of 2 at most; all else nothing.
          EXPECT_LE(terms[a], std::log(2.0)) << scorer_name(kind);
          EXPECT_GE(terms[a], kind == ScorerKind::kBeta     ? -0.02
                              : kind == ScorerKind::kMaxLlr ? -1e-14
                                                            : -10.0);
          const bool common = e == t && e == (a == 4);
          if (kind == ScorerKind::kBeta && common) {
            EXPECT_NEAR(terms[a], 0, 1e-3);
          }
        }
      }
  }
}

TEST(Fit, OneConstantAttributeLeavesTheOthersAsTheyAre) {
  const SpeakerCounts counts = with_constant_attributes();
  for (const ScorerKind kind : {ScorerKind::kDna, ScorerKind::kSpeech, ScorerKind::kMaxLlr}) {
    SpeakerCounts one(counts.speakers, 1);
    one.recordings = counts.recordings;
    for (std::int64_t s = 0; s < 8; ++s)
      one.active[static_cast<std::size_t>(s)] = counts.active_of(s, 2);
    const Fit all = fit_scorer(counts, settings_of(kind)),
              alone = fit_scorer(one, settings_of(kind));
    for (const ScorerBuffer& b : alone.buffers)
      if (b.shape.size() == 1) {
        EXPECT_EQ(buffer(all, b.name).values[2], b.values[0]) << b.name;
      }
  }
}

TEST(Fit, TwoSpeakersThatShareNothing) {
  // Mean 1/2, variance 1/2: no alpha has these moments, and the reference's are NaN.
  SpeakerCounts counts({"a", "b"}, 2);
  counts.recordings = {4, 4};
  counts.active = {4, 0, 0, 4};
  for (const ScorerKind kind : test::kFitted) {
    const Fit fit = fit_scorer(counts, settings_of(kind));
    const auto scorer = make_scorer(kind, fit.buffers);
    for (const std::uint64_t e : {0, 1, 2, 3})
      for (const std::uint64_t t : {0, 1, 2, 3})
        EXPECT_TRUE(std::isfinite(scorer->score_bits(std::span(&e, 1), std::span(&t, 1))))
            << scorer_name(kind);
  }
}

TEST(Fit, FewerThanTwoSpeakersIsAnError) {
  SpeakerCounts counts({"a", "b"}, 1);
  counts.recordings = {4, 0};
  counts.active = {2, 0};
  for (const ScorerKind kind : test::kFitted)
    EXPECT_THROW(fit_scorer(counts, settings_of(kind)), DataError);
}

TEST(Fit, RandomSmallSetsAreFiniteOrRefused) {
  int refused = 0, fitted = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(test::by_level(60, 200, 2000));
       ++seed) {
    const SpeakerCounts counts = test::random_counts(2 + static_cast<int>(seed % 4), 3,
                                                     1 + static_cast<int>(seed % 5), seed);
    for (const ScorerKind kind : test::kFitted) try {
        const auto scorer = make_scorer(kind, fit_scorer(counts, settings_of(kind)).buffers);
        ++fitted;
        for (std::uint64_t e = 0; e < 8; ++e)
          for (std::uint64_t t = 0; t < 8; ++t)
            ASSERT_TRUE(std::isfinite(scorer->score_bits(std::span(&e, 1), std::span(&t, 1))))
                << scorer_name(kind) << " seed " << seed;
      } catch (const DataError&) {
        ++refused;
      }
  }
  EXPECT_GT(fitted, 20 * std::max(refused, 1)) << refused;
}

TEST(FitTable, DropInOfZeroIsAnErrorWhereItMakesARatioZero) {
  SpeakerCounts counts({"a", "b"}, 1);
  counts.recordings = {3, 3};
  counts.active = {3, 3};  // no drop-out
  FitSettings settings = settings_of(ScorerKind::kDna);
  settings.drop_in = 0;
  EXPECT_THROW(fit_scorer(counts, settings), DataError);
}

TEST(Fit, TooFewIterationsHaveNotConverged) {
  const SpeakerCounts counts = test::random_counts(20, 30, 12, 9);
  for (const ScorerKind kind : {ScorerKind::kBeta, ScorerKind::kMaxLlr}) {
    FitSettings settings = settings_of(kind);
    settings.iterations = 2;
    EXPECT_THROW(require_converged(fit_scorer(counts, settings).report, settings), DataError);
    settings.iterations = 300;
    EXPECT_NO_THROW(require_converged(fit_scorer(counts, settings).report, settings));
  }
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// golden/README.md, section 9.
TEST(Fit, GoldenReferential) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden" / "scoring.h5";
  const auto sums = test::read_int(file, "referential");  // [24, 512, 2]
  SpeakerCounts counts(std::vector<std::string>(24, "s"), 512);
  for (std::size_t s = 0; s < 24; ++s) {
    counts.recordings[s] =
        static_cast<std::int32_t>(sums.values[s * 1024] + sums.values[s * 1024 + 1]);
    for (std::size_t a = 0; a < 512; ++a)
      counts.active[s * 512 + a] = static_cast<std::int32_t>(sums.values[s * 1024 + 2 * a]);
  }
  for (const ScorerKind kind : test::kFitted) {
    const FitSettings settings = settings_of(kind);
    const Fit fit = fit_scorer(counts, settings);
    EXPECT_NO_THROW(require_converged(fit.report, settings));
    EXPECT_TRUE(fit.report.constant_attributes.empty());
    for (const ScorerBuffer& b : fit.buffers) {
      const std::string name = scorer_name(kind) + "/" + b.name;
      // Both in float64: rounding alone; but torch divides the integers of the typicality in
      // float32.
      const bool divided = b.name == "typicality" || b.name == "llrs";
      const double rounding = divided ? 4.2e-7 : kind == ScorerKind::kBeta ? 1e-12 : 2e-14;
      EXPECT_LT(largest_difference(b.values, test::read_double(file, name + "_float64").values),
                rounding)
          << name;
      const double float32 = kind == ScorerKind::kBeta     ? 2e-5
                             : kind == ScorerKind::kMaxLlr ? 1e-14
                                                           : 1e-6;
      EXPECT_LT(largest_difference(b.values, test::read_double(file, name).values), float32)
          << name;
    }
  }
}

}  // namespace
}  // namespace balr
