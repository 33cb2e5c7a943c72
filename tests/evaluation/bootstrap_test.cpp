// Confidence intervals over speakers, against trial lists that are really drawn, and their
// coverage.
#include "balr/evaluation/bootstrap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "balr/evaluation/pav.hpp"
#include "evaluation/score_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

double normal(Philox& random) {
  const double u = 1 - random.uniform(), v = random.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

// All pairs of 2 recordings of each speaker: a recording is its speaker's place plus noise, the
// score falls with the distance. Speakers differ in how much their recordings vary.
std::vector<SpeakerTrial> simulated(Philox& random, int speakers, std::uint32_t first_number = 0) {
  struct Recording {
    double x, y;
    std::uint32_t speaker;
  };
  std::vector<Recording> recordings;
  for (int s = 0; s < speakers; ++s) {
    const double x = normal(random), y = normal(random);
    const double spread = 0.2 + 0.6 * random.uniform();
    for (int i = 0; i < 2; ++i)
      recordings.push_back({x + spread * normal(random), y + spread * normal(random),
                            first_number + static_cast<std::uint32_t>(s)});
  }
  std::vector<SpeakerTrial> trials;
  for (std::size_t i = 0; i < recordings.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double d =
          std::hypot(recordings[i].x - recordings[j].x, recordings[i].y - recordings[j].y);
      trials.push_back({2 - 3 * d, recordings[i].speaker, recordings[j].speaker});
    }
  return trials;
}

double equal_error_of(const std::vector<SpeakerTrial>& trials) {
  ScoreSet set;
  for (const SpeakerTrial& t : trials)
    (t.enrollment_speaker == t.test_speaker ? set.targets : set.non_targets).push_back(t.score);
  return equal_error_rate(SortedScores(set)).rate;
}

// The replicates of bootstrap.hpp, drawn as lists: every copy of a speaker is a speaker of its own.
std::map<std::string, std::vector<double>> plain_replicates(const std::vector<SpeakerTrial>& trials,
                                                            int speakers, int replicates) {
  std::map<std::string, std::vector<double>> out;
  for (int r = 0; r < replicates; ++r) {
    Philox random(7, static_cast<std::uint64_t>(r), 0);
    std::vector<std::uint32_t> drawn;
    for (int i = 0; i < speakers; ++i)
      drawn.push_back(
          static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(speakers))));
    ScoreSet set;
    for (std::size_t a = 0; a < drawn.size(); ++a)
      for (std::size_t b = 0; b < drawn.size(); ++b)
        for (const SpeakerTrial& t : trials) {
          if (t.enrollment_speaker != drawn[a] || t.test_speaker != drawn[b]) continue;
          if (a == b) set.targets.push_back(t.score);
          if (a != b && drawn[a] != drawn[b]) set.non_targets.push_back(t.score);
        }
    const SortedScores scores(set);
    if (!scores.has_both_sides()) continue;
    out["EER"].push_back(equal_error_rate(scores).rate);
    out["CLLR"].push_back(cllr(scores));
    out["CLLR_min"].push_back(min_cllr(scores));
    out["minDCF_0.01"].push_back(min_detection_cost(scores, {.target_prior = 0.01}).cost);
    out["minDCF_0.001"].push_back(min_detection_cost(scores, {.target_prior = 0.001}).cost);
  }
  return out;
}

TEST(Bootstrap, IsWhatDrawnListsOfSpeakersGive) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Philox random(seed, 0, 0);
    const int speakers = seed == 0 ? 12 : 5;
    const int replicates = seed == 0 ? 51 : 2;  // of two, both ends are seen
    auto trials = simulated(random, speakers);
    // Ties of scores, and of |FAR - FRR| at two thresholds: few trials, round scores.
    if (seed > 0)
      for (SpeakerTrial& trial : trials) trial.score = std::round(trial.score);
    auto expected = plain_replicates(trials, speakers, replicates);
    const auto got =
        bootstrap_intervals(trials, {.replicates = replicates, .level = 0.9, .seed = 7});
    EXPECT_EQ(got.speakers, speakers);
    ASSERT_EQ(got.intervals.size(), 5u);
    for (const ConfidenceInterval& interval : got.intervals) {
      auto& values = expected.at(interval.name);
      ASSERT_EQ(got.replicates, static_cast<int>(values.size()));
      std::sort(values.begin(), values.end());
      const auto tail = static_cast<std::size_t>(0.05 * static_cast<double>(values.size() - 1));
      EXPECT_NEAR(interval.low, values[tail], 1e-12) << interval.name << seed;
      EXPECT_NEAR(interval.high, values[values.size() - 1 - tail], 1e-12) << interval.name << seed;
    }
  }
}

TEST(Bootstrap, SameBytesForAnyThreadsOrderAndNumbering) {
  Philox random(2, 0, 0);
  auto trials = simulated(random, 20);
  const BootstrapOptions options{.replicates = 50, .seed = 3};
  const auto first = bootstrap_intervals(trials, options);
  std::reverse(trials.begin(), trials.end());
  for (SpeakerTrial& t : trials) {  // other numbers in the same order
    t.enrollment_speaker = t.enrollment_speaker * 7 + 5;
    t.test_speaker = t.test_speaker * 7 + 5;
  }
  for (const int threads : {1, 4}) {
    auto other = options;
    other.threads = threads;
    const auto again = bootstrap_intervals(trials, other);
    for (std::size_t i = 0; i < first.intervals.size(); ++i) {
      EXPECT_EQ(again.intervals[i].low, first.intervals[i].low);
      EXPECT_EQ(again.intervals[i].high, first.intervals[i].high);
    }
  }
}

TEST(Bootstrap, IntervalsHoldTheTruthAboutAsOftenAsTheySay) {
  Philox truth_random(3, 0, 0);
  const double truth = equal_error_of(simulated(truth_random, 1000));
  const int sets = test::by_level(40, 60, 500);
  int held = 0;
  for (int i = 0; i < sets; ++i) {
    Philox random(4, static_cast<std::uint64_t>(i), 0);
    const auto result = bootstrap_intervals(simulated(random, 40), {.replicates = 200, .seed = 1});
    held += result.intervals[0].low <= truth && truth <= result.intervals[0].high;
  }
  // 95 %; percentile intervals of small sets run a little below. Intervals over trials, which count
  // 3,160 pairs as independent, hold it in far fewer.
  EXPECT_GE(held, sets * 85 / 100);
}

TEST(Bootstrap, WhatCannotBeResampledIsAnError) {
  EXPECT_EQ(test::code_of([] { bootstrap_intervals({{1, 0, 0}, {2, 1, 1}}, {}); }), 65);
  EXPECT_EQ(test::code_of([] { bootstrap_intervals({{std::nan(""), 0, 1}, {2, 1, 1}}, {}); }), 65);
  EXPECT_EQ(test::code_of([] { bootstrap_intervals({}, {}); }), 65);
  // Two speakers: half of the replicates draw one of them twice and have no pair.
  const auto two = bootstrap_intervals({{1, 0, 0}, {2, 1, 1}, {0, 0, 1}}, {.replicates = 200});
  EXPECT_GT(two.replicates, 60);
  EXPECT_LT(two.replicates, 140);
}

}  // namespace
}  // namespace balr
