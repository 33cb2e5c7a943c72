#include "score/trial_layout.hpp"

#include <gtest/gtest.h>

#include "balr/core/error.hpp"
#include "score/small_test_set.hpp"

namespace balr {
namespace {

using test::lines_of;

TrialLayout layout_of(const std::vector<std::string>& lines, const LayoutRequest& request = {}) {
  const auto set = test::small_set();
  return find_layout(
      lines_of(lines), request, [&](std::string_view id) { return set->knows(id); }, "trials");
}

struct Expected {
  const char* about;
  std::vector<std::string> lines;
  bool header;
  char separator;  // ' ': blanks
  std::size_t enrollment, test;
  std::optional<std::size_t> label;
};

TEST(TrialLayout, IsFound) {
  const Expected table[] = {
      {"the reference's", {"enrollment\ttest", "a0\ta1"}, true, '\t', 0, 1, {}},
      {"any case and order", {"Test\tEnrollment", "a0\ta1"}, true, '\t', 1, 0, {}},
      {"further columns", {"n\ttest\tlabel\tenrollment", "1\ta0\t1\ta1"}, true, '\t', 3, 1, 2},
      {"of balr trials", {"enrollment,test,label", "a0,a1,1"}, true, ',', 0, 1, 2},
      {"header alone", {"enrollment\ttest"}, true, '\t', 0, 1, {}},
      {"no header", {"a0\ta1", "a0\tb0"}, false, '\t', 0, 1, {}},
      {"no header, one line", {"a0\ta1"}, false, '\t', 0, 1, {}},
      {"no header, an unknown id first", {"zz\ta1", "a0\tb0"}, false, '\t', 0, 1, {}},
      {"another header", {"first\tsecond", "a0\ta1"}, true, '\t', 0, 1, {}},
      {"VoxCeleb", {"1 a0 a1", "0 a0 b1"}, false, ' ', 1, 2, 0},
      {"VoxCeleb, unknown ids first", {"1 zz yy", "0 a0 b1"}, false, ' ', 1, 2, 0},
      {"Kaldi", {"a0 a1 target", "a0 b1 nontarget"}, false, ' ', 0, 1, 2},
      {"Kaldi with tabs", {"a0\ta1\ttarget", "a0\tb1\tnontarget"}, false, '\t', 0, 1, 2},
      {"label first with a header", {"label enrol x", "1 a0 a1"}, true, ' ', 1, 2, 0},
      {"commas inside a cell", {"a0,a1\tb0", "a0\ta1,b0"}, false, '\t', 0, 1, {}},
      {"commas inside a cell, blanks", {"a0,a1 b0", "a0 a1,b0"}, false, ' ', 0, 1, {}},
      {"quoted commas", {"\"a0,a1\",b0", "a0,\"a1,b0\""}, false, ',', 0, 1, {}},
      {"semicolons", {"enrollment;test", "a0;a1"}, true, ';', 0, 1, {}},
      {"an extra column that is no label", {"a0\ta1\t0.5", "a0\tb1\t1"}, false, '\t', 0, 1, {}},
      {"failed ids are known", {"bad\tbad"}, false, '\t', 0, 1, {}},
  };
  for (const Expected& e : table) {
    const TrialLayout layout = layout_of(e.lines);
    EXPECT_EQ(layout.header, e.header) << e.about;
    EXPECT_EQ(layout.separator.character, e.separator) << e.about;
    EXPECT_EQ(layout.separator.blanks, e.separator == ' ') << e.about;
    EXPECT_EQ(layout.enrollment, e.enrollment) << e.about;
    EXPECT_EQ(layout.test, e.test) << e.about;
    EXPECT_EQ(layout.label, e.label) << e.about;
    EXPECT_EQ(layout.names[layout.enrollment], "enrollment");
    EXPECT_NE(layout.description.find(e.header ? "a header" : "no header"), std::string::npos);
  }
}

TEST(TrialLayout, NumericIdsAreTexts) {
  const auto known = [](std::string_view id) { return id == "0" || id == "1" || id == "007"; };
  const auto find = [&](const std::vector<std::string>& lines) {
    return find_layout(lines_of(lines), {}, known, "trials");
  };
  EXPECT_EQ(find({"0\t1", "007\t1"}).label, std::nullopt);
  EXPECT_FALSE(find({"0\t1", "007\t1"}).header);
  const TrialLayout first = find({"1 007 1", "0 0 007"});
  EXPECT_EQ(first.label, 0U);
  EXPECT_EQ(first.enrollment, 1U);
}

TEST(TrialLayout, WhatTheUserSaysCounts) {
  EXPECT_FALSE(layout_of({"first\tsecond", "a0\ta1"}, {{}, false}).header);
  EXPECT_TRUE(layout_of({"a0\ta1", "a0\tb1"}, {{}, true}).header);
  EXPECT_EQ(layout_of({"a0,a1", "b0,b1"}, {',', {}}).separator.character, ',');
  EXPECT_FALSE(layout_of({"enrollment\ttest", "a0\ta1"}, {{}, false}).header);
}

TEST(TrialLayout, WhatIsNoTable) {
  const std::vector<std::vector<std::string>> wrong = {
      {}, {"a0"}, {"zz\tyy"}, {"zz\tyy", "xx\tww"}, {"a0", "a1", "b0"}};
  for (const auto& lines : wrong) EXPECT_THROW(layout_of(lines), DataError);
  EXPECT_THROW(layout_of({"a0\ta1"}, {';', {}}), DataError);
}

}  // namespace
}  // namespace balr
