// Scores against the Python balr 2.0.0 and direct formulas, and what must hold for any data.
#include "balr/scoring/scorer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "balr/core/error.hpp"
#include "scoring/small_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using test::settings_of;
using Counts = std::vector<std::int32_t>;

std::unique_ptr<Scorer> fitted(ScorerKind kind, const SpeakerCounts& counts) {
  if (kind == ScorerKind::kCosine) return make_cosine_scorer(counts.attributes, 1e-8);
  return make_scorer(kind, fit_scorer(counts, settings_of(kind)).buffers);
}

constexpr ScorerKind kAll[] = {ScorerKind::kBeta, ScorerKind::kDna, ScorerKind::kSpeech,
                               ScorerKind::kMaxLlr, ScorerKind::kCosine};

// The beta case of the reference's own tests.
TEST(BetaScorer, TrialsOfTheReferencesTests) {
  const ScorerBuffer alpha{"alpha", {3, 2}, {.5, .2, .1, .8, .3, .4}, false};
  const auto scorer = make_scorer(ScorerKind::kBeta, std::span(&alpha, 1));
  const Counts a{1, 0, 1}, b{1, 1, 0};
  // By the formula, with lgamma.
  const auto formula = [&](const Counts& e, int ne, const Counts& t, int nt) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double x = alpha.values[2 * i], y = alpha.values[2 * i + 1];
      const double e1 = e[i], e0 = ne - e1, t1 = t[i], t0 = nt - t1;
      sum += std::lgamma(nt + x + y) + std::lgamma(ne + x + y) - std::lgamma(ne + nt + x + y) -
             std::lgamma(x + y) + std::lgamma(e1 + t1 + x) + std::lgamma(x) - std::lgamma(e1 + x) -
             std::lgamma(t1 + x) + std::lgamma(e0 + t0 + y) + std::lgamma(y) - std::lgamma(e0 + y) -
             std::lgamma(t0 + y);
    }
    return sum;
  };
  EXPECT_NEAR(scorer->score({a, 1}, {a, 1}), formula(a, 1, a, 1), 1e-13);
  EXPECT_NEAR(scorer->score({a, 1}, {b, 1}), formula(a, 1, b, 1), 1e-13);
  const Counts many{30, 0, 100}, more{150, 7, 3};
  EXPECT_NEAR(scorer->score({many, 100}, {more, 160}), formula(many, 100, more, 160), 1e-11);
}

// Alpha after 5 iterations and the trial of the reference's figures: e against t, 3 e against 2 t.
TEST(BetaScorer, FiguresOfTheReference) {
  const ScorerBuffer alpha{
      "alpha", {3, 2}, {2.8030982, 3.0382686, 3.0192969, 1.9940419, 2.9458802, 2.4292154}, false};
  const auto scorer = make_scorer(ScorerKind::kBeta, std::span(&alpha, 1));
  EXPECT_NEAR(scorer->score({Counts{1, 0, 1}, 1}, {Counts{1, 1, 0}, 1}), -0.20543218, 1e-6);
  EXPECT_NEAR(scorer->score({Counts{3, 0, 3}, 3}, {Counts{2, 2, 0}, 2}), -1.17172956, 1e-6);
}

TEST(BetaScorer, LargeAlphaLosesNoDigits) {
  // All speakers alike: alpha without bound, and the score goes to 0; lgamma's would be noise.
  const ScorerBuffer alpha{"alpha", {1, 2}, {4e12, 6e12}, false};
  const auto scorer = make_scorer(ScorerKind::kBeta, std::span(&alpha, 1));
  EXPECT_NEAR(scorer->score({Counts{1}, 1}, {Counts{1}, 1}), 0, 1e-11);
}

TEST(CosineScorer, IsTheProductOfTwoCosines) {
  const auto scorer = make_cosine_scorer(4, 1e-8);
  const Counts e{3, 0, 1, 2}, t{1, 2, 0, 2};
  double et = 0, ee = 0, tt = 0, et0 = 0, ee0 = 0, tt0 = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    et += e[i] * t[i], ee += e[i] * e[i], tt += t[i] * t[i];
    const double x = 3 - e[i], y = 2 - t[i];
    et0 += x * y, ee0 += x * x, tt0 += y * y;
  }
  EXPECT_NEAR(scorer->score({e, 3}, {t, 2}), et / std::sqrt(ee * tt) * et0 / std::sqrt(ee0 * tt0),
              1e-15);
  const Counts none(4, 0), all(4, 1);
  EXPECT_EQ(scorer->score({none, 1}, {none, 1}), 0);  // no active one: its cosine counts as 0
  EXPECT_EQ(scorer->score({none, 1}, {all, 1}), 0);
}

struct RandomSides {
  RandomSides(std::int64_t n, std::int32_t count, std::uint64_t seed) : recordings(count) {
    Philox random(seed, 1, 0);
    for (std::int64_t a = 0; a < n; ++a)
      for (Counts* side : {&enrollment, &test})
        side->push_back(
            static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(count) + 1)));
  }
  TrialSide e() const { return {enrollment, recordings}; }
  TrialSide t() const { return {test, recordings}; }
  std::int32_t recordings;
  Counts enrollment, test;
};

TEST(Scorer, PropertiesOfAnyData) {
  for (const std::int64_t n : {1, 2, 7, 64, 65, 130, 512}) {
    const SpeakerCounts counts = test::random_counts(10, n, 8, static_cast<std::uint64_t>(n));
    for (const ScorerKind kind : kAll) {
      const auto scorer = fitted(kind, counts);
      const std::int32_t recordings = scorer->single_recording_only() ? 1 : 3;
      const RandomSides sides(n, recordings, static_cast<std::uint64_t>(n));
      const double score = scorer->score(sides.e(), sides.t());
      // Symmetric: dna takes the mean of both directions.
      EXPECT_NEAR(scorer->score(sides.t(), sides.e()), score, 1e-11) << scorer_name(kind) << n;
      std::vector<double> terms(static_cast<std::size_t>(n));
      scorer->contributions(sides.e(), sides.t(), terms);
      EXPECT_NEAR(std::accumulate(terms.begin(), terms.end(), 0.0), score, 1e-11);
    }
  }
}

TEST(Scorer, BitsGiveTheScoreOfCounts) {
  for (const std::int64_t n : {1, 2, 7, 63, 64, 65, 130, 512}) {
    const SpeakerCounts counts = test::random_counts(10, n, 8, static_cast<std::uint64_t>(n));
    const RandomSides sides(n, 1, 77);
    std::vector<std::uint64_t> e(static_cast<std::size_t>((n + 63) / 64)), t(e.size());
    for (std::size_t a = 0; a < static_cast<std::size_t>(n); ++a) {
      e[a / 64] |= static_cast<std::uint64_t>(sides.enrollment[a]) << (a % 64);
      t[a / 64] |= static_cast<std::uint64_t>(sides.test[a]) << (a % 64);
    }
    Counts back(static_cast<std::size_t>(n));
    add_bits(back, e);
    EXPECT_EQ(back, sides.enrollment);
    for (const ScorerKind kind : kAll) {
      const auto scorer = fitted(kind, counts);
      EXPECT_NEAR(scorer->score_bits(e, t), scorer->score(sides.e(), sides.t()), 1e-11)
          << scorer_name(kind) << " " << n;
    }
  }
}

TEST(Scorer, AnotherOrderOfTheAttributesChangesNothing) {
  const std::int64_t n = 40;
  const SpeakerCounts counts = test::random_counts(10, n, 8, 4);
  const RandomSides sides(n, 1, 3);
  const auto order = Philox(1, 2, 3).permutation(n);
  SpeakerCounts other = counts;
  RandomSides other_sides = sides;
  for (std::size_t a = 0; a < static_cast<std::size_t>(n); ++a) {
    const auto from = static_cast<std::size_t>(order[a]);
    for (std::size_t s = 0; s < 10; ++s)
      other.active[s * static_cast<std::size_t>(n) + a] =
          counts.active[s * static_cast<std::size_t>(n) + from];
    other_sides.enrollment[a] = sides.enrollment[from];
    other_sides.test[a] = sides.test[from];
  }
  for (const ScorerKind kind : kAll)
    EXPECT_NEAR(fitted(kind, counts)->score(sides.e(), sides.t()),
                fitted(kind, other)->score(other_sides.e(), other_sides.t()), 1e-11)
        << scorer_name(kind);
}

TEST(Scorer, DamagedBuffersAreRefused) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [](ScorerKind kind, std::vector<ScorerBuffer> buffers) {
    EXPECT_THROW(make_scorer(kind, buffers), DataError);
  };
  refused(ScorerKind::kBeta, {});
  refused(ScorerKind::kBeta, {{"alpha", {2, 2}, {1, 1, kNan, 1}, false}});
  refused(ScorerKind::kBeta, {{"alpha", {2, 2}, {1, 1, 0, 1}, false}});
  refused(ScorerKind::kBeta, {{"alpha", {4}, {1, 1, 1, 1}, false}});
  refused(ScorerKind::kBeta, {{"f", {1}, {1}, true}});
  refused(ScorerKind::kBeta, {{"alpha", {1, 2}, {1, 1}, false}, {"typicality", {1}, {1}, false}});
  refused(ScorerKind::kMaxLlr,
          {{"f", {1}, {.5}, true}, {"p", {1}, {1.5}, true}, {"q", {1}, {.1}, true}});
  refused(ScorerKind::kMaxLlr,
          {{"f", {1}, {.5}, true}, {"p", {1}, {1}, true}, {"q", {1}, {0}, true}});
  refused(ScorerKind::kMaxLlr,
          {{"f", {1}, {.5}, true}, {"p", {2}, {1, 1}, true}, {"q", {1}, {.1}, true}});
  refused(ScorerKind::kDna, {{"typicality", {1}, {.5}, false},
                             {"dropout", {1}, {.5}, false},
                             {"llrs", {2, 1, 2}, {1, kNan, 1, 1}, false}});
}

// golden/README.md, section 9: trials of scoring-run with the golden parameters.
class GoldenTrials : public ::testing::Test {
 protected:
  void SetUp() override {
    BALR_NEEDS_TEST_DATA();
    file_ = test::test_data_folder() / "golden" / "scoring.h5";
    ids_ = test::read_text(file_, "embeddings/ids");
    active_ = test::read_int(file_, "binarize/active").values;
  }
  std::unique_ptr<Scorer> scorer(ScorerKind kind, bool float64) const {
    if (kind == ScorerKind::kCosine) return make_cosine_scorer(512, 1e-8);
    std::vector<ScorerBuffer> buffers;
    const std::vector<std::string> names =
        kind == ScorerKind::kBeta     ? std::vector<std::string>{"alpha"}
        : kind == ScorerKind::kMaxLlr ? std::vector<std::string>{"f", "p", "q"}
                                      : std::vector<std::string>{"typicality", "dropout", "llrs"};
    for (const std::string& name : names) {
      const auto array =
          test::read_double(file_, scorer_name(kind) + "/" + name + (float64 ? "_float64" : ""));
      buffers.push_back({name, {array.shape.begin(), array.shape.end()}, array.values, false});
    }
    return make_scorer(kind, buffers);
  }
  std::pair<Counts, std::int32_t> side(const std::string& text) const {
    std::pair<Counts, std::int32_t> out{Counts(512), 0};
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      const auto row = static_cast<std::size_t>(std::ranges::find(ids_, text.substr(at, end - at)) -
                                                ids_.begin());
      for (std::size_t a = 0; a < 512; ++a)
        out.first[a] += static_cast<std::int32_t>(active_.at(row * 512 + a));
      ++out.second;
      at = end + 1;
    }
    return out;
  }
  std::filesystem::path file_;
  std::vector<std::string> ids_;
  std::vector<std::int64_t> active_;
};

TEST_F(GoldenTrials, Scores) {
  // Largest differences that the golden file documents between float32 and float64, doubled.
  const std::pair<ScorerKind, double> tolerances[] = {{ScorerKind::kBeta, 1.3e-4},
                                                      {ScorerKind::kDna, 4.6e-5},
                                                      {ScorerKind::kSpeech, 6.2e-5},
                                                      {ScorerKind::kMaxLlr, 8.2e-5},
                                                      {ScorerKind::kCosine, 3.4e-7}};
  for (const auto& [kind, tolerance] : tolerances)
    for (const std::string form : {"single", "multi"}) {
      const auto exact = scorer(kind, true);
      if (form == "multi" && exact->single_recording_only()) continue;
      const std::string name = scorer_name(kind) + "/scores_" + form;
      const auto scores = test::read_double(file_, name).values;
      const auto scores_float64 = test::read_double(file_, name + "_float64").values;
      const auto enrollment = test::read_text(file_, "trials/" + form + "/enrollment");
      const auto tests = test::read_text(file_, "trials/" + form + "/test");
      ASSERT_EQ(scores.size(), 200U);
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const auto e = side(enrollment[i]), t = side(tests[i]);
        const double score = exact->score({e.first, e.second}, {t.first, t.second});
        EXPECT_NEAR(score, scores_float64[i], 1e-9) << name << " " << i;
        EXPECT_NEAR(score, scores[i], tolerance) << name << " " << i;
      }
    }
}

}  // namespace
}  // namespace balr
