#include "balr/score/make_trials.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Speakers of 1, 2, 3, ... recordings, in two sessions.
TrialSource sample(int speakers) {
  TrialSource out;
  for (int s = 0; s < speakers; ++s)
    for (int r = 0; r <= s; ++r) {
      out.ids.push_back("s" + std::to_string(s) + "-" + std::to_string(r));
      out.speakers.push_back("s" + std::to_string(s));
      out.group.push_back(r % 2 ? "a" : "b");
    }
  return out;
}

std::vector<TrialPair> trials(const TrialSource& source, const TrialChoice& choice,
                              TrialCounts* counts = nullptr) {
  std::vector<TrialPair> out;
  const TrialCounts found =
      make_trials(source, choice, [&](const TrialPair& pair) { out.push_back(pair); });
  if (counts) *counts = found;
  return out;
}

std::vector<std::string> texts(const TrialSource& source, const std::vector<TrialPair>& pairs) {
  std::vector<std::string> out;
  for (const TrialPair& p : pairs)
    out.push_back(source.ids[static_cast<std::size_t>(p.enrollment)] + " " +
                  source.ids[static_cast<std::size_t>(p.test)] + " " + (p.target ? "1" : "0"));
  return out;
}

std::string refusal(const TrialSource& source, const TrialChoice& choice = {}) {
  try {
    trials(source, choice);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MakeTrials, LabelsAreRightNoPairTwiceNoneWithItself) {
  const TrialSource source = sample(9);
  for (const bool all : {false, true})
    for (std::uint64_t seed : {0, 1, 77}) {
      TrialCounts counts;
      const auto pairs = trials(source, {seed, 5, all}, &counts);
      std::set<std::pair<std::int64_t, std::int64_t>> seen;
      std::int64_t target = 0;
      for (const TrialPair& p : pairs) {
        EXPECT_NE(p.enrollment, p.test);
        EXPECT_EQ(source.speakers[static_cast<std::size_t>(p.enrollment)] ==
                      source.speakers[static_cast<std::size_t>(p.test)],
                  p.target);
        EXPECT_NE(source.group[static_cast<std::size_t>(p.enrollment)],
                  source.group[static_cast<std::size_t>(p.test)]);
        EXPECT_TRUE(seen.insert(std::minmax(p.enrollment, p.test)).second);
        target += p.target;
      }
      EXPECT_EQ(counts.target, target);
      EXPECT_EQ(counts.nontarget, static_cast<std::int64_t>(pairs.size()) - target);
      EXPECT_EQ(counts.speakers, 9);
      EXPECT_EQ(counts.without_targets, 1);  // the speaker of one recording
    }
}

TEST(MakeTrials, AsManyOfBothKindsForEachSpeaker) {
  TrialSource source = sample(12);
  source.group.clear();
  const auto pairs = trials(source, {3, 8, false});
  std::map<std::string, std::pair<int, int>> count;  // target, non-target; by enrollment's speaker
  for (const TrialPair& p : pairs) {
    auto& of = count[source.speakers[static_cast<std::size_t>(p.enrollment)]];
    ++(p.target ? of.first : of.second);
  }
  for (int s = 1; s < 12; ++s) {
    const int expected = std::min(8, s * (s + 1) / 2);  // s + 1 recordings
    EXPECT_EQ(count["s" + std::to_string(s)], std::make_pair(expected, expected)) << s;
  }
  EXPECT_FALSE(count.contains("s0"));
}

TEST(MakeTrials, AllIsEveryAllowedPair) {
  const TrialSource source = sample(6);
  const auto rows = static_cast<std::int64_t>(source.ids.size());
  std::int64_t target = 0, nontarget = 0;
  for (std::int64_t a = 0; a < rows; ++a)
    for (std::int64_t b = a + 1; b < rows; ++b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      if (source.group[i] == source.group[j]) continue;
      ++(source.speakers[i] == source.speakers[j] ? target : nontarget);
    }
  TrialCounts counts;
  trials(source, {0, 1, true}, &counts);
  EXPECT_EQ(counts.target, target);
  EXPECT_EQ(counts.nontarget, nontarget);
}

TEST(MakeTrials, AFunctionOfSeedIdsAndSpeakersNotOfTheirOrder) {
  const TrialSource source = sample(10);
  const auto first = texts(source, trials(source, {5, 6, false}));
  EXPECT_EQ(texts(source, trials(source, {5, 6, false})), first);
  EXPECT_NE(texts(source, trials(source, {6, 6, false})), first);
  std::vector<std::int64_t> order(source.ids.size());
  std::iota(order.begin(), order.end(), 0);
  Philox(1, 0, 0).shuffle(order);
  TrialSource shuffled;
  for (std::int64_t row : order) {
    shuffled.ids.push_back(source.ids[static_cast<std::size_t>(row)]);
    shuffled.speakers.push_back(source.speakers[static_cast<std::size_t>(row)]);
    shuffled.group.push_back(source.group[static_cast<std::size_t>(row)]);
  }
  EXPECT_EQ(texts(shuffled, trials(shuffled, {5, 6, false})), first);
}

// 2,000 recordings have two million pairs, which are drawn without being listed.
TEST(MakeTrials, LargeSpeakers) {
  TrialSource source;
  for (int i = 0; i < 2010; ++i) {
    source.ids.push_back(std::to_string(i));
    source.speakers.push_back(i < 2000 ? "large" : "small");
  }
  TrialCounts counts;
  const auto pairs = trials(source, {1, 1000, false}, &counts);
  EXPECT_EQ(counts.target, 1000 + 45);
  EXPECT_EQ(counts.nontarget, 1000 + 45);
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (const TrialPair& p : pairs) {
    EXPECT_NE(p.enrollment, p.test);
    EXPECT_TRUE(seen.insert(std::minmax(p.enrollment, p.test)).second);
  }
}

TEST(MakeTrials, TheOtherSpeakerIsDrawnFirst) {
  TrialSource source;  // one with 90 recordings, nine with two
  for (int i = 0; i < 90; ++i) {
    source.ids.push_back("large" + std::to_string(i));
    source.speakers.push_back("large");
  }
  for (int s = 0; s < 9; ++s)
    for (int i = 0; i < 2; ++i) {
      source.ids.push_back("s" + std::to_string(s) + std::to_string(i));
      source.speakers.push_back("s" + std::to_string(s));
    }
  int of_large = 0, of_small = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    for (const TrialPair& p : trials(source, {seed, 1, false}))
      if (!p.target && source.speakers[static_cast<std::size_t>(p.enrollment)] != "large")
        ++(source.speakers[static_cast<std::size_t>(p.test)] == "large" ? of_large : of_small);
  EXPECT_EQ(of_large + of_small, 2700);
  EXPECT_NEAR(of_large, 300, 60);  // one of nine others; by recordings it would be 90 of 106
}

TEST(MakeTrials, WhatCannotBeDoneIsSaid) {
  EXPECT_NE(refusal({{"a", "b"}, {"s", "s"}, {}}).find("same speaker"), std::string::npos);
  EXPECT_NE(refusal({{"a", "b"}, {"s", ""}, {}}).find("'b' has no speaker"), std::string::npos);
  EXPECT_NE(refusal({{"a", "b"}, {"s", "t"}, {}}).find("no target trial"), std::string::npos);
  EXPECT_NE(refusal({{"a", "b", "c"}, {"s", "s", "t"}, {"x", "x", "x"}}).find("no target trial"),
            std::string::npos);
  EXPECT_NE(refusal({}).find("no recordings"), std::string::npos);
}

class TrialFile : public ::testing::Test {
 protected:
  fs::path csv(const std::string& content) const {
    std::ofstream(folder_.path() / "test.csv", std::ios::binary) << content;
    return folder_.path() / "test.csv";
  }
  fs::path out() const { return folder_.path() / "trials.tsv"; }
  std::string refusal(TrialFileOptions options) const {
    options.out = out();
    try {
      write_trials(options);
    } catch (const DataError& error) {
      EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}),
                fs::exists(out()) ? 2 : 1);
      return error.what();
    }
    return "accepted";
  }

 private:
  test::TempDir folder_;
};

TEST_F(TrialFile, HeaderTabsAndLabels) {
  const fs::path input = csv("id,speaker,session\n2,s,x\n10,s,y\n3,t,x\n1,t,y\n");
  const TrialCounts counts = write_trials({input, out(), {1, 10, true}, "session", false});
  EXPECT_EQ(read_file(out()), "enrollment\ttest\tlabel\n2\t10\t1\n2\t1\t0\n10\t3\t0\n1\t3\t1\n");
  EXPECT_EQ(counts.target, 2);
  EXPECT_EQ(counts.nontarget, 2);
  EXPECT_NE(refusal({.input = input}).find("--force"), std::string::npos);
  write_trials({input, out(), {1, 10, true}, "", true});
  const std::string all = read_file(out());
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 7);
}

TEST_F(TrialFile, WhatIsWrongIsNamed) {
  EXPECT_NE(refusal({.input = csv("id\na\n")}).find("no column `speaker`"), std::string::npos);
  EXPECT_NE(refusal({.input = csv("id,speaker\n\"a,b\",s\nc,s\nd,t\n")}).find("'a,b'"),
            std::string::npos);
  EXPECT_NE(refusal({.input = csv("id,speaker\na,s\nb,s\nc,t\n"), .exclude_same = "sesion"})
                .find("no column 'sesion'"),
            std::string::npos);
  EXPECT_NE(refusal({.input = csv("id,speaker\na,s\nb,t\n")}).find("no target trial"),
            std::string::npos);
}

}  // namespace
}  // namespace balr
