// Metrics against their O(n^2) definition, figures of the Python balr 2.0.0, and closed forms.
#include "balr/evaluation/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "evaluation/score_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
using test::code_of;
using test::grid_scores;

// The reference's definition, word for word: every score and every midpoint is tried.
EqualErrorRate plain_equal_error_rate(const ScoreSet& set) {
  std::vector<double> thresholds = set.targets;
  thresholds.insert(thresholds.end(), set.non_targets.begin(), set.non_targets.end());
  std::sort(thresholds.begin(), thresholds.end());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  const std::size_t count = thresholds.size();
  for (std::size_t i = 1; i < count; ++i)
    thresholds.push_back((thresholds[i - 1] + thresholds[i]) / 2);
  std::sort(thresholds.begin(), thresholds.end());
  EqualErrorRate best{.rate = -1, .threshold = 0};
  double smallest = kInf;
  for (const double t : thresholds) {
    double misses = 0, false_alarms = 0;
    for (const double s : set.targets) misses += s <= t;
    for (const double s : set.non_targets) false_alarms += s > t;
    const double frr = misses / static_cast<double>(set.targets.size());
    const double far = false_alarms / static_cast<double>(set.non_targets.size());
    if (std::abs(far - frr) < smallest - 1e-12) {  // exact ties differ by rounding only
      smallest = std::abs(far - frr);
      best = {(far + frr) / 2, t};
    }
  }
  return best;
}

double plain_min_cost(const ScoreSet& set, double prior) {
  std::vector<double> thresholds = set.targets;
  thresholds.insert(thresholds.end(), set.non_targets.begin(), set.non_targets.end());
  thresholds.push_back(-1e300);
  double best = kInf;
  for (const double t : thresholds) {
    double misses = 0, false_alarms = 0;
    for (const double s : set.targets) misses += s <= t;
    for (const double s : set.non_targets) false_alarms += s > t;
    best =
        std::min(best, (prior * misses / static_cast<double>(set.targets.size()) +
                        (1 - prior) * false_alarms / static_cast<double>(set.non_targets.size())) /
                           std::min(prior, 1 - prior));
  }
  return best;
}

std::map<std::string, double> by_name(const std::vector<Figure>& figures) {
  std::map<std::string, double> out;
  for (const Figure& f : figures) out[f.name] = f.value.value();
  return out;
}

TEST(Metrics, EqualErrorRateAndMinimalCostAreTheirDefinitions) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Philox random(seed, 0, 0);
    const ScoreSet set = grid_scores(random, seed % 2 ? 10 : 1000000);
    const SortedScores sorted(set);
    const EqualErrorRate expected = plain_equal_error_rate(set), got = equal_error_rate(sorted);
    ASSERT_NEAR(got.rate, expected.rate, 1e-12) << seed;
    ASSERT_EQ(got.threshold, expected.threshold) << seed;
    for (const double prior : {0.5, 0.1, 0.01, 0.001, 0.9})
      ASSERT_NEAR(min_detection_cost(sorted, {.target_prior = prior}).cost,
                  plain_min_cost(set, prior), 1e-11)
          << seed << " " << prior;
  }
}

TEST(Metrics, TheReferencesUnitTestFigures) {
  const SortedScores scores({{.6, .2, .8, .5}, {.4, .3, .55, .1}});
  auto m = by_name(reference_metrics(scores));
  EXPECT_DOUBLE_EQ(m["EER"], 0.25);
  EXPECT_DOUBLE_EQ(m["EER_thres"], 0.4);
  EXPECT_NEAR(m["DER"], 1.0 / 3, 1e-7);
  EXPECT_NEAR(m["MCC"], 0.5, 1e-7);
  EXPECT_NEAR(m["CLLR"], 0.97347002, 6e-8);  // a float32 there: one unit in its last place
}

TEST(Metrics, KeysComeInTheReferencesOrder) {
  const auto figures = reference_metrics(SortedScores({{1}, {0}}));
  std::string names;
  for (const Figure& f : figures) names += f.name + " ";
  EXPECT_EQ(names,
            "TP TN FP FN FAR FRR DER threshold precision recall F-score MCC EER EER_thres CLLR ");
}

TEST(Metrics, AnEmptySideIsAnErrorAndNeverZero) {
  for (const ScoreSet& set : {ScoreSet{}, ScoreSet{{1, 2}, {}}, ScoreSet{{}, {1, 2}}}) {
    const SortedScores scores(set);
    EXPECT_EQ(code_of([&] { equal_error_rate(scores); }), 65);
    EXPECT_EQ(code_of([&] { cllr(scores); }), 65);
    EXPECT_EQ(code_of([&] { min_detection_cost(scores, {}); }), 65);
    for (const Figure& f : reference_metrics(scores)) EXPECT_FALSE(f.value.has_value()) << f.name;
    EXPECT_NE(figures_json(reference_metrics(scores)).find("\"EER\": null"), std::string::npos);
  }
}

TEST(Metrics, NaNIsRefused) {
  EXPECT_EQ(code_of([] { SortedScores({{std::nan(""), 1}, {0}}); }), 65);
  EXPECT_EQ(code_of([] { SortedScores({{1}, {std::nan("")}}); }), 65);
}

TEST(Metrics, InfiniteScoresAreOrdinaryForRatesAndCostTheirDueInCllr) {
  // +inf for targets and -inf for non-targets: perfect certainty, rightly.
  const SortedScores right({{kInf, kInf, 1}, {-kInf, 0}});
  EXPECT_EQ(equal_error_rate(right).rate, 0);
  EXPECT_NEAR(cllr(right), ((std::log1p(std::exp(-1)) / 3 + std::log(2) / 2) / 2 / std::log(2)),
              1e-15);
  // One wrong certainty costs without limit.
  EXPECT_EQ(cllr(SortedScores({{-kInf, 5}, {-5}})), kInf);
  EXPECT_EQ(cllr(SortedScores({{5}, {kInf, -5}})), kInf);
  const SortedScores all_wrong({{-kInf}, {kInf}});
  EXPECT_EQ(equal_error_rate(all_wrong).rate, 1);
  EXPECT_EQ(equal_error_rate(all_wrong).threshold, -kInf);
  EXPECT_NE(figures_json(reference_metrics(all_wrong)).find("\"EER_thres\": \"-Infinity\""),
            std::string::npos);
  // minDCF may accept all, whatever the scores: a prior of 0.9 makes misses dear.
  EXPECT_DOUBLE_EQ(min_detection_cost(all_wrong, {.target_prior = 0.9}).cost, 1);
}

TEST(Metrics, CllrDoesNotOverflow) {
  const SortedScores scores({{-2000, 2000}, {-2000, 2000}});
  EXPECT_NEAR(cllr(scores), 1000 / std::log(2), 1e-9);
}

TEST(Metrics, NothingDependsOnTheOrderOfTrials) {
  Philox random(5, 0, 0);
  ScoreSet set = grid_scores(random, 1000000);
  const std::string before = figures_json(reference_metrics(SortedScores(set)));
  std::reverse(set.targets.begin(), set.targets.end());
  std::rotate(set.non_targets.begin(), set.non_targets.begin() + 1, set.non_targets.end());
  EXPECT_EQ(figures_json(reference_metrics(SortedScores(set))), before);
}

TEST(Metrics, ARisingTransformOfTheScoresMovesNoErrorRate) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Philox random(seed, 1, 0);
    const ScoreSet set = grid_scores(random, 12);
    ScoreSet cubed = set;
    for (auto* side : {&cubed.targets, &cubed.non_targets})
      for (double& s : *side) s = s * s * s + s;
    EXPECT_EQ(equal_error_rate(SortedScores(set)).rate, equal_error_rate(SortedScores(cubed)).rate);
    EXPECT_EQ(min_detection_cost(SortedScores(set), {}).cost,
              min_detection_cost(SortedScores(cubed), {}).cost);
  }
}

// scores.csv of the reference has its trials' ids; the speaker is what stands before the dash.
ScoreSet golden_scores(const std::filesystem::path& scoring, const std::string& scorer,
                       const std::string& trials) {
  const auto labels = test::read_int(scoring, "trials/" + trials + "/label");
  const auto scores = test::read_double(scoring, scorer + "/scores_" + trials);
  ScoreSet set;
  for (std::size_t i = 0; i < scores.values.size(); ++i)
    (labels.values[i] ? set.targets : set.non_targets).push_back(scores.values[i]);
  return set;
}

TEST(Metrics, GoldenRunOfTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto golden = test::test_data_folder() / "golden";
  int compared = 0;
  for (const char* run : {"beta-single", "beta-multi", "dna-single", "speech-single",
                          "maxllr-single", "maxllr-multi", "cosine-single", "cosine-multi"}) {
    const std::string name = run, scorer = name.substr(0, name.find('-'));
    std::ifstream file(golden / "scoring-run" / run / "metrics.json");
    std::stringstream text;
    text << file.rdbuf();
    std::string json = text.str();
    if (const auto at = json.find("Infinity"); at != std::string::npos) {  // no JSON: see below
      json.replace(at, 8, "1e999");
      ASSERT_TRUE(scorer == "dna" || scorer == "speech");
      json.erase(json.rfind(", \"CLLR\""));
      json += "}";
    }
    const auto expected = nlohmann::ordered_json::parse(json);
    const auto figures = reference_metrics(SortedScores(
        golden_scores(golden / "scoring.h5", scorer, name.substr(name.find('-') + 1))));
    auto got = by_name(figures);
    for (const auto& [key, value] : expected.items()) {
      const double tolerance = key == "CLLR" ? 1e-6 : 2e-7;  // float32 there
      EXPECT_NEAR(got.at(key), value.get<double>(),
                  tolerance * std::max(1.0, std::abs(got.at(key))))
          << run << " " << key;
      ++compared;
    }
    if (scorer == "dna" || scorer == "speech") {  // overflows in float32 there
      EXPECT_NEAR(got["CLLR"], scorer == "dna" ? 41.43 : 21.48, 0.01);
    }
  }
  EXPECT_EQ(compared, 8 * 15 - 2);
}

TEST(Figures, TextGivesTheSameDoublesBack) {
  const std::string text = figures_json(
      {{"a", 0.1}, {"b", std::nullopt}, {"c", kInf}, {"d", -kInf}, {"e", 1.0 / 3}, {"f", 3.0}});
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["a"].get<double>(), 0.1);
  EXPECT_TRUE(json["b"].is_null());
  EXPECT_EQ(json["c"], "Infinity");
  EXPECT_EQ(json["d"], "-Infinity");
  EXPECT_EQ(json["e"].get<double>(), 1.0 / 3);
}

}  // namespace
}  // namespace balr
