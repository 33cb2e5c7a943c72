#include "score/trial_block.hpp"

#include <gtest/gtest.h>

#include "balr/core/error.hpp"
#include "score/metrics_file.hpp"
#include "score/small_test_set.hpp"

namespace balr {
namespace {

using test::lines_of;

TrialLayout plain_layout(std::optional<std::size_t> label = std::nullopt) {
  TrialLayout layout;
  layout.columns = label ? 3 : 2;
  layout.names = {"enrollment", "test"};
  layout.label = label;
  if (label) layout.names.emplace_back("label");
  return layout;
}

BlockResult score(const std::vector<std::string>& lines, const TrialLayout& layout,
                  const TestSet& set, const ScoreForm& form = {}) {
  return score_block(lines_of(lines), layout, set, form, "trials");
}

TEST(TrialBlock, EveryCauseIsNamed) {
  const auto set = test::small_set();
  const BlockResult result = score({"a0\ta1", "a1\tb0,b1", "zz\ta0", "a0\tbad", "a0,b0\ta1", "\ta0",
                                    "a0,\ta1", "n\ta0", "x,y\tb1", "a1\ta1"},
                                   plain_layout(), *set);
  EXPECT_EQ(
      scores_header(plain_layout(), *set, {}),
      "enrollment\ttest\tenrollment_speaker\ttest_speaker\tlabel\tscores\tlog10_lr\tstatus\n");
  EXPECT_EQ(result.text,
            "a0\ta1\ta\ta\t1\t-0.5\t-0.2171472409516259\tok\n"
            "a1\tb0,b1\ta\tb\t0\t-1.5\t-0.6514417228548777\tok\n"
            "zz\ta0\t\ta\t\t\t\tenrollment: 'zz' is not in the data set\n"
            "a0\tbad\ta\t\t\t\t\ttest: 'bad' failed: decode\n"
            "a0,b0\ta1\ta\ta\t\t\t\tenrollment: 'b0' is of another speaker\n"
            "\ta0\t\ta\t\t\t\tenrollment: an id is missing\n"
            "a0,\ta1\ta\ta\t\t\t\tenrollment: an id is missing\n"
            "n\ta0\t\ta\t\t4\t1.7371779276130073\tok\n"
            "x,y\tb1\tb\tb\t1\t3.5\t1.5200306866613813\tok\n"
            "a1\ta1\ta\ta\t1\t0.5\t0.2171472409516259\tok\n");
  EXPECT_EQ(result.trials, 10);
  EXPECT_EQ(result.unlabelled, 1);
  EXPECT_EQ(result.with_itself, 1);
  EXPECT_EQ(result.causes, (std::array<std::int64_t, kTrialCauses>{5, 2, 1, 1, 1}));
  EXPECT_EQ(result.first_line, 3);
  EXPECT_EQ(result.values.size(), 4U);
  const BlockResult copy = block_from_bytes(to_bytes(result));
  EXPECT_EQ(copy.text, result.text);
  EXPECT_EQ(copy.causes, result.causes);
  EXPECT_EQ(copy.first_status, result.first_status);
  EXPECT_EQ(copy.values.at(3).score, 0.5);
}

TEST(TrialBlock, TheReferencesForm) {
  const auto set = test::small_set();
  const ScoreForm form{4};
  EXPECT_EQ(scores_header(plain_layout(), *set, form), "enrollment\ttest\tscores\n");
  EXPECT_EQ(score({"a0\ta1", "zz\ta0"}, plain_layout(), *set, form).text,
            "a0\ta1\t-0.5000\nzz\ta0\t\n");
}

TEST(TrialBlock, LabelsAreCheckedAgainstTheSpeakers) {
  const auto set = test::small_set();
  EXPECT_EQ(
      score({"a0\ta1\ttarget", "a0\tb0\t0", "a0\tn\t1", "a0\tb0\t"}, plain_layout(2), *set).text,
      "a0\ta1\t1\ta\ta\t-0.5\t-0.2171472409516259\tok\n"
      "a0\tb0\t0\ta\tb\t-1\t-0.4342944819032518\tok\n"
      "a0\tn\t1\ta\t\t-2\t-0.8685889638065036\tok\n"
      "a0\tb0\t0\ta\tb\t-1\t-0.4342944819032518\tok\n");
  for (const char* wrong : {"a0\ta1\t0", "a0\tb0\ttarget", "a0\ta1\tmaybe", "a0\ta1"})
    EXPECT_THROW(score({wrong}, plain_layout(2), *set), DataError) << wrong;
  // Without speakers the label alone counts.
  const auto nameless = test::small_set(false, false);
  const BlockResult result = score({"a0\ta1\t0", "a0\tb0\t1"}, plain_layout(2), *nameless);
  EXPECT_EQ(result.values.at(0).label, 0U);
  EXPECT_EQ(result.values.at(1).label, 1U);
}

TEST(TrialBlock, ScorersOfOneRecordingRefuseSeveral) {
  const auto set = test::small_set(true);
  EXPECT_NO_THROW(score({"a0\ta1"}, plain_layout(), *set));
  try {
    score({"a0\ta1", "a0,a1\tb0"}, plain_layout(), *set);
    ADD_FAILURE();
  } catch (const DataError& e) {
    EXPECT_NE(std::string(e.what()).find("trials, line 2"), std::string::npos) << e.what();
  }
}

TEST(TrialBlock, AScoresCsvCanBeScoredAgain) {
  const auto set = test::small_set();
  TrialLayout layout;
  layout.columns = 5;
  layout.names = {"enrollment", "test", "scores", "remark", "status"};
  EXPECT_EQ(scores_header(layout, *set, {}),
            "enrollment\ttest\tremark\tenrollment_speaker\ttest_speaker\tlabel\tscores\tlog10_lr"
            "\tstatus\n");
  EXPECT_EQ(score({"a0\ta1\t9\t\"a \"\"b\"\"\"\tok"}, layout, *set).text,
            "a0\ta1\t\"a \"\"b\"\"\"\ta\ta\t1\t-0.5\t-0.2171472409516259\tok\n");
}

TEST(Metrics, OneSideAloneHasNone) {
  TrialTotals totals;
  totals.values = {{1, 0, 0, 1, 0}, {2, 0, 0, 1, 0}};
  totals.trials = 3;
  totals.causes[0] = 2;
  const std::string json = metrics_json(totals, {});
  EXPECT_NE(json.find("\"EER\": null"), std::string::npos) << json;
  EXPECT_NE(json.find("\"left_out\": 1"), std::string::npos);
  EXPECT_EQ(json.find("NaN"), std::string::npos);
}

}  // namespace
}  // namespace balr
