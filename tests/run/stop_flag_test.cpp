#include "balr/run/stop_flag.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "child.hpp"

namespace balr {
namespace {

using namespace std::chrono_literals;
using test::in_child;

int as_number(const std::string& reason) {
  return reason == "SIGTERM" ? 1 : reason == "SIGINT" ? 2 : reason == "SIGUSR2" ? 3 : reason.empty() ? 4 : 5;
}

TEST(StopFlag, IsNotSetByItself) {
  EXPECT_EQ(in_child([] {
    const StopFlag flag = StopFlag::install();
    return !flag.requested() && flag.reason().empty() ? 0 : 1;
  }), 0);
}

TEST(StopFlag, EachSignalSetsItAndIsTheReason) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) {
    const int reason = in_child([signal] {
      const StopFlag flag = StopFlag::install();
      raise(signal);
      return flag.requested() ? as_number(flag.reason()) : 0;
    });
    EXPECT_EQ(reason, signal == SIGTERM ? 1 : signal == SIGINT ? 2 : 3);
  }
}

TEST(StopFlag, TheFirstSignalIsTheReason) {
  EXPECT_EQ(in_child([] {
    const StopFlag flag = StopFlag::install();
    raise(SIGUSR2);
    raise(SIGTERM);
    return as_number(flag.reason());
  }), 3);
}

TEST(StopFlag, TheSameRequestPassedOnTwiceDoesNotEndTheProcess) {
  EXPECT_EQ(in_child([] {
    const StopFlag flag = StopFlag::install();
    raise(SIGTERM);
    raise(SIGTERM);
    for (int i = 0; i < 100; ++i) raise(SIGUSR2);
    return flag.requested() ? 0 : 1;
  }), 0);
}

TEST(StopFlag, ASecondRequestEndsTheProcessAtOnce) {
  for (const int signal : {SIGTERM, SIGINT}) {
    EXPECT_EQ(in_child([signal] {
      StopFlag::install();
      raise(SIGUSR2);  // does not count
      raise(signal);
      std::this_thread::sleep_for(700ms);
      raise(signal);
      return 0;
    }), 128 + signal);
  }
}

TEST(StopFlag, InstalledAgainItKeepsWhatCame) {
  EXPECT_EQ(in_child([] {
    StopFlag flag = StopFlag::install();
    raise(SIGUSR2);
    std::signal(SIGUSR2, SIG_IGN);  // as a library might
    flag = StopFlag::install();
    return as_number(flag.reason());
  }), 3);
}

TEST(StopFlag, AChildOfItsOwnDiesOfTheSignal) {
  EXPECT_EQ(in_child([] {
    StopFlag::install();
    return in_child([] {
      StopFlag::reset_in_child();
      raise(SIGTERM);
      return 0;
    }) == -SIGTERM ? 0 : 1;
  }), 0);
}

TEST(StopFlag, TheEndOfTheJobIsAReason) {
  StopFlag flag;
  EXPECT_FALSE(flag.requested());
  flag.stop_at(std::chrono::system_clock::now() + 1h);
  EXPECT_FALSE(flag.requested());
  flag.stop_at(std::chrono::system_clock::now() - 1s);
  EXPECT_TRUE(flag.requested());
  EXPECT_EQ(flag.reason(), "the end of the job");
}

}  // namespace
}  // namespace balr
