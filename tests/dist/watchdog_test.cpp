#include "dist/watchdog.hpp"

#include <gtest/gtest.h>

namespace balr {
namespace {

using State = RankReport::State;

RankReport report(State state, std::uint64_t operation = 0, const char* name = "") {
  RankReport out;
  out.state = state;
  out.operation = operation;
  out.set_name(name);
  return out;
}

// Rank 0 of three with a limit of 10 s; `reports[r]` arrives from rank r every half second.
struct Timeline {
  Watchdog watchdog{10, 0, {"a", "b", "c"}, 0};
  double now = 0;

  std::string go(double seconds, std::vector<std::optional<RankReport>> reports) {
    for (const double end = now + seconds; now < end; now += 0.5) {
      for (int r = 0; r < 3; ++r)
        if (reports[static_cast<std::size_t>(r)]) watchdog.observe(r, *reports[static_cast<std::size_t>(r)]);
      if (const auto text = watchdog.verdict(now)) return *text;
    }
    return "";
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Watchdog, RanksThatWorkAreLeftAlone) {
  Timeline run;
  const auto working = report(State::kWorking, 3, "x");
  EXPECT_EQ(run.go(1000, {working, working, working}), "");
}

TEST(Watchdog, ASilentRankIsNamedAtTheLimitAndNotBefore) {
  Timeline run;
  const auto working = report(State::kWorking, 3, "x");
  run.go(5, {working, working, working});
  EXPECT_EQ(run.go(9.5, {working, working, {}}), "");
  const std::string text = run.go(2, {working, working, {}});
  EXPECT_TRUE(has(text, "rank 2 on c")) << text;
  EXPECT_FALSE(has(text, "rank 1")) << text;
  EXPECT_TRUE(has(text, "operation 3 'x'")) << text;
}

TEST(Watchdog, ARankThatDoesNotJoinIsNamed) {
  Timeline run;
  const auto waiting = report(State::kWaiting, 7, "gradients"), working = report(State::kWorking, 6, "loss");
  EXPECT_EQ(run.go(10.5, {waiting, working, waiting}), "");
  const std::string text = run.go(3, {waiting, working, waiting});
  EXPECT_TRUE(has(text, "operation 7 'gradients'")) << text;
  EXPECT_TRUE(has(text, "not joined by rank 1 on b")) << text;
  EXPECT_FALSE(has(text, "rank 2")) << text;
}

TEST(Watchdog, ARankStuckWithinAnOperationIsNamedForItsSilence) {
  Timeline run;
  const auto waiting = report(State::kWaiting, 7, "gradients");
  run.go(1, {waiting, waiting, waiting});
  const std::string text = run.go(20, {waiting, {}, waiting});
  EXPECT_TRUE(has(text, "no sign of life") && has(text, "rank 1 on b")) << text;
}

TEST(Watchdog, RanksInDifferentOperationsAreNamed) {
  Timeline run;
  const auto waiting = report(State::kWaiting, 7, "gradients"), other = report(State::kWaiting, 7, "metrics");
  const std::string text = run.go(20, {waiting, waiting, other});
  EXPECT_TRUE(has(text, "in another operation is rank 2 on c")) << text;
}

TEST(Watchdog, ShortWaitsDoNotAddUp) {
  Timeline run;
  for (std::uint64_t operation = 1; operation < 50; ++operation) {
    const auto waiting = report(State::kWaiting, operation, "step");
    EXPECT_EQ(run.go(5, {waiting, waiting, report(State::kWorking, operation - 1, "step")}), "");
  }
}

TEST(Watchdog, WaitingForABusyRankIsNoStall) {
  Timeline run;
  const auto waiting = report(State::kWaiting, 7, "merged");
  run.go(1, {waiting, report(State::kBusy, 6, "merge"), waiting});
  EXPECT_EQ(run.go(80, {waiting, {}, waiting}), "");
  // It comes back: the others get their full time again for what is left.
  EXPECT_EQ(run.go(9, {waiting, report(State::kWorking, 6, "merge"), waiting}), "");
}

TEST(Watchdog, ABusyRankIsNotGivenForEver) {
  Timeline run;
  const auto waiting = report(State::kWaiting, 7, "merged");
  run.go(1, {waiting, report(State::kBusy, 6, "merge"), waiting});
  const std::string text = run.go(120, {waiting, {}, waiting});
  EXPECT_TRUE(has(text, "rank 1 on b") && has(text, "busy with 'merge'")) << text;
}

TEST(Watchdog, ASuspendedJobGoesOn) {
  Timeline run;
  const auto working = report(State::kWorking, 3, "x");
  run.go(5, {working, working, working});
  run.now += 100000;  // nobody ran; the others' reports come a little later than our first look
  EXPECT_EQ(run.go(1, {working, {}, {}}), "");
  EXPECT_EQ(run.go(100, {working, working, working}), "");
}

TEST(Watchdog, TheOthersNameASilentRankZeroOneAfterTheOther) {
  Watchdog first(10, 1, {"a", "b", "c"}, 0), second(10, 2, {"a", "b", "c"}, 0);
  double first_spoke = 0, second_spoke = 0;
  for (double now = 0; now < 20; now += 0.01) {
    if (const auto text = first.verdict(now); text && first_spoke == 0) {
      first_spoke = now;
      EXPECT_TRUE(has(*text, "rank 0 on a")) << *text;
      EXPECT_FALSE(has(*text, "rank 2")) << *text;
    }
    if (second.verdict(now) && second_spoke == 0) second_spoke = now;
  }
  EXPECT_GT(first_spoke, 10);
  EXPECT_LT(first_spoke, 12);
  EXPECT_GT(second_spoke, first_spoke);
}

TEST(Watchdog, ZeroMeansNone) {
  Watchdog off(0, 0, {"a", "b"}, 0);
  for (double now = 0; now < 1e6; now += 100) EXPECT_FALSE(off.verdict(now));
}

TEST(Watchdog, LongNamesAreCut) {
  RankReport out;
  out.set_name(std::string(200, 'x'));
  EXPECT_EQ(std::string(out.name), std::string(62, 'x'));
}

}  // namespace
}  // namespace balr
