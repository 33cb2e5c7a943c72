// Pictures: well-formed XML whatever the data is called, the same bytes for the same data, curves
// that stay inside the data. (evaluation_plots reads them with Python's XML parser.)
#include "balr/evaluation/plots.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "evaluation/plots/chart.hpp"
#include "evaluation/score_sets.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Svg, TextCannotBreakTheFile) {
  EXPECT_EQ(xml_text("a<b>&\"c"), "a&lt;b&gt;&amp;&quot;c");
  EXPECT_EQ(xml_text(std::string("a\0\x01\x1b"
                                 "b",
                                 5)),
            "a   b");
  EXPECT_EQ(xml_text("\xff"
                     "x\xc3"),
            "\xEF\xBF\xBDx\xEF\xBF\xBD");
  EXPECT_EQ(xml_text("é ∞ 你"), "é ∞ 你");
  EXPECT_EQ(xml_text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(xml_text("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
}

TEST(Svg, Numbers) {
  EXPECT_EQ(svg_number(1), "1");
  EXPECT_EQ(svg_number(-0.001), "0");
  EXPECT_EQ(svg_number(1.256), "1.26");
  EXPECT_EQ(svg_number(100), "100");
  EXPECT_EQ(svg_number(-1.5), "-1.5");
}

TEST(Chart, TicksAreRoundAndInside) {
  for (const auto& [low, high] :
       {std::pair{-3.0, 3.0}, std::pair{0.0, 0.013}, std::pair{-1e5, 2e5}}) {
    const auto ticks = round_ticks(low, high, 8);
    EXPECT_GE(ticks.size(), 4u);
    EXPECT_LE(ticks.size(), 12u);
    for (const Tick& tick : ticks) {
      EXPECT_GE(tick.value, low - 1e-9 * (high - low));
      EXPECT_LE(tick.value, high + 1e-9 * (high - low));
    }
  }
  EXPECT_EQ(round_ticks(0, 1, 10)[3].label, "0.3");
}

// The coordinates of the first path with this stroke colour.
std::vector<std::pair<double, double>> vertices(const std::string& svg, const std::string& colour) {
  std::vector<std::pair<double, double>> out;
  for (std::size_t at = svg.find("<path"); at != std::string::npos;
       at = svg.find("<path", at + 1)) {
    const std::string element = svg.substr(at, svg.find("/>", at) - at);
    if (element.find("stroke=\"" + colour) == std::string::npos) continue;
    const std::size_t from = element.find("d=\"") + 3;
    const char* text = element.c_str() + from;
    while (*text == 'M' || *text == 'L') {
      char* end = nullptr;
      const double x = std::strtod(text + 1, &end);
      const double y = std::strtod(end, &end);
      out.emplace_back(x, y);
      text = end;
    }
    return out;
  }
  return out;
}

TEST(Tippett, CurvesAreTheSharesAndEndWithTheData) {
  const double ten = std::log(10);
  const SortedScores scores({{1 * ten, 2 * ten, 2 * ten, 4 * ten}, {-4 * ten, -1 * ten}});
  const std::string svg = tippett_svg({scores, "t"});
  // The axis spans the data and 3 % more on each side; the frame is 76..730 wide, 120..530 high.
  const auto x = [](double v) { return 76 + (v + 4.24) / 8.48 * (730 - 76); };
  const auto y = [](double v) { return 530 - (v + 0.02) / 1.04 * (530 - 120); };
  const auto same = vertices(svg, kTargetColour);
  const std::vector<std::pair<double, double>> expected = {
      {1, 0}, {1, 0.25}, {2, 0.25}, {2, 0.5}, {2, 0.75}, {4, 0.75}, {4, 1}};
  ASSERT_EQ(same.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(same[i].first, x(expected[i].first), 0.011) << i;
    EXPECT_NEAR(same[i].second, y(expected[i].second), 0.011) << i;
  }
  const auto different = vertices(svg, kOtherColour);
  const std::vector<std::pair<double, double>> falling = {{-1, 0}, {-1, 0.5}, {-4, 0.5}, {-4, 1}};
  ASSERT_EQ(different.size(), falling.size());
  for (std::size_t i = 0; i < falling.size(); ++i) {
    EXPECT_NEAR(different[i].first, x(falling[i].first), 0.011) << i;
    EXPECT_NEAR(different[i].second, y(falling[i].second), 0.011) << i;
  }
}

TEST(Plots, InfiniteAndCutValuesAreMarked) {
  const SortedScores infinite({{-kInf, 1, 2, kInf}, {-kInf, -kInf, -1, 3}});
  for (const auto& svg : {tippett_svg({infinite, "t"}), histogram_svg({infinite, "t"})}) {
    EXPECT_NE(svg.find("∞"), std::string::npos);
    EXPECT_NE(svg.find("−∞"), std::string::npos);
  }
  const SortedScores finite({{1, 2}, {-1, 1.5}});
  const PlotData cut{finite, "t", true, {-1, 2}, 1204, 7};
  for (const auto& svg : {tippett_svg(cut), histogram_svg(cut), reliability_svg(cut)}) {
    EXPECT_NE(svg.find(": 1,204 cut"), std::string::npos);
    EXPECT_NE(svg.find(": 7 cut"), std::string::npos);
  }
}

TEST(Plots, SizeDoesNotGrowWithTheTrialsAndBytesRepeat) {
  const int many = test::by_level(20000, 40000, 1000000);
  Philox random(1, 0, 0);
  const SortedScores scores(test::calibrated_scores(random, many, 2 * many));
  for (const auto draw : {det_svg, tippett_svg, histogram_svg, reliability_svg, ece_svg}) {
    const std::string svg = draw({scores, "many"});
    EXPECT_LT(svg.size(), 200000u);
    EXPECT_EQ(svg, draw({scores, "many"}));
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf\""), std::string::npos);
  }
}

TEST(Plots, HardCasesHaveOnlyNumbers) {
  const ScoreSet sets[] = {{{0}, {0}},           {{1}, {-1}},     {{kInf}, {-kInf}},
                           {{-kInf}, {kInf}},    {{5, 5}, {5}},   {{1e300, -1e300}, {0}},
                           {{1e-300}, {2e-300}}, {{kInf, 1}, {1}}};
  for (const ScoreSet& set : sets) {
    const SortedScores scores(set);
    for (const auto draw : {det_svg, tippett_svg, histogram_svg, reliability_svg, ece_svg})
      for (const bool log_lrs : {true, false}) {
        const std::string svg = draw({scores, "hard <&>", log_lrs, {-1, 1}, 0, 0});
        for (const char* bad : {"nan", "\"inf", "-inf", " inf ", "Minf", "Linf", "hard <"})
          EXPECT_EQ(svg.find(bad), std::string::npos) << bad << svg;
      }
  }
}

TEST(Plots, AnEmptySideIsAnError) {
  const SortedScores one({{1, 2}, {}});
  for (const auto draw : {det_svg, tippett_svg, histogram_svg, reliability_svg, ece_svg})
    EXPECT_EQ(test::code_of([&] { draw({one, "t"}); }), 65);
}

TEST(Plots, ScoresThatAreNoLikelihoodRatiosHaveTwoPictures) {
  test::TempDir folder;
  const SortedScores scores({{0.5, 0.9}, {0.1, 0.6}});
  EXPECT_EQ(write_plots(folder.path(), {scores, "cosine", false}),
            (std::vector<std::string>{"det.svg", "histogram.svg"}));
  EXPECT_EQ(write_plots(folder.path(), {scores, "log-LR"}).size(), 5u);
  for (const char* name : {"det.svg", "histogram.svg", "tippett.svg", "reliability.svg", "ece.svg"})
    EXPECT_TRUE(std::filesystem::exists(folder.path() / name));
}

}  // namespace
}  // namespace balr
