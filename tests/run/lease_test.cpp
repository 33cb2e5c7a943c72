#include "balr/run/lease.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "child.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct LeaseTest : ::testing::Test {
  test::TempDir dir;
  fs::path file = dir.path() / ".balr-lease";

  static LeaseOptions options(double heartbeat = 1000, double stale = 1) {
    LeaseOptions out;
    out.heartbeat_seconds = heartbeat;
    out.stale_seconds = stale;
    return out;
  }
  static LeaseOptions elsewhere(double heartbeat = 1000) {
    LeaseOptions out = options(heartbeat);
    out.process.host = "node17";
    return out;
  }
  double seconds_to_acquire(const LeaseOptions& o = options()) {
    const auto begin = std::chrono::steady_clock::now();
    Lease::acquire(dir.path(), o);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  std::string refusal(const LeaseOptions& o = options()) {
    try {
      Lease::acquire(dir.path(), o);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(LeaseTest, SaysWhoHoldsTheFolder) {
  LeaseOptions o = options();
  o.job = {"4711", 3, {}};
  const Lease lease = Lease::acquire(dir.path(), o);
  const auto json = nlohmann::json::parse(read_file(file));
  EXPECT_EQ(json.at("pid"), getpid());
  EXPECT_EQ(json.at("job"), "4711");
  EXPECT_EQ(json.at("restart_count"), 3);
  EXPECT_TRUE(lease.still_owned());
  EXPECT_TRUE(Lease::owned_by(dir.path(), lease.token()));
  EXPECT_FALSE(Lease::owned_by(dir.path(), "another"));
}

TEST_F(LeaseTest, IsTheOnlyFileItLeavesAndNotForLong) {
  std::optional<Lease> lease = Lease::acquire(dir.path(), options());
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
  lease.reset();
  EXPECT_TRUE(fs::is_empty(dir.path()));
  EXPECT_LT(seconds_to_acquire(), 0.5);
}

TEST_F(LeaseTest, ALivingProcessOfThisHostIsNamed) {
  const Lease lease = Lease::acquire(dir.path(), options());
  const std::string text = refusal();
  EXPECT_NE(text.find("process " + std::to_string(getpid()) + " on " + this_process().host), std::string::npos) << text;
  EXPECT_TRUE(lease.still_owned());
}

TEST_F(LeaseTest, ADeadProcessOfThisHostIsStaleAtOnce) {
  ASSERT_EQ(test::in_child([&] {
    new Lease(Lease::acquire(dir.path(), options()));
    return 0;
  }), 0);
  ASSERT_TRUE(fs::exists(file));
  EXPECT_LT(seconds_to_acquire(), 0.5);
}

TEST_F(LeaseTest, AProcessThatIsDeadButNotCollectedIsStaleToo) {
  const pid_t child = test::start_child([&] {
    new Lease(Lease::acquire(dir.path(), options()));
    return 0;
  });
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_LT(seconds_to_acquire(), 0.5);
  test::wait_child(child);
}

TEST_F(LeaseTest, AnotherProcessWithThePidOfTheOwnerIsNotTheOwner) {
  LeaseOptions o = options();
  o.process.start -= 1;
  const Lease before = Lease::acquire(dir.path(), o);
  EXPECT_LT(seconds_to_acquire(), 0.5);
}

TEST_F(LeaseTest, AnotherContainerOrBootIsAnotherHost) {
  LeaseOptions o = options();
  o.process.pid_namespace = "pid:[1]";
  const Lease before = Lease::acquire(dir.path(), o);
  EXPECT_GE(seconds_to_acquire(), 1);
}

TEST_F(LeaseTest, ASilentOwnerElsewhereIsWaitedForAndThenReplaced) {
  const Lease before = Lease::acquire(dir.path(), elsewhere());
  int calls = 0;
  const auto begin = std::chrono::steady_clock::now();
  const Lease lease = Lease::acquire(dir.path(), options(), [&] { ++calls; });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_GT(calls, 10);
  EXPECT_TRUE(lease.still_owned());
  EXPECT_FALSE(before.still_owned());
}

TEST_F(LeaseTest, AnOwnerElsewhereThatGivesSignsOfLifeIsNamed) {
  const Lease before = Lease::acquire(dir.path(), elsewhere(0.1));
  const std::string text = refusal();
  EXPECT_NE(text.find("node17"), std::string::npos) << text;
  EXPECT_TRUE(before.still_owned());
}

TEST_F(LeaseTest, AReleaseWhileWaitingIsTakenUpAtOnce) {
  std::optional<Lease> before = Lease::acquire(dir.path(), elsewhere());
  LeaseOptions o = options(1000, 60);
  const auto begin = std::chrono::steady_clock::now();
  const Lease lease = Lease::acquire(dir.path(), o, [&] { before.reset(); });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_TRUE(lease.still_owned());
}

TEST_F(LeaseTest, WaitingCanBeGivenUp) {
  const Lease before = Lease::acquire(dir.path(), elsewhere());
  EXPECT_THROW(Lease::acquire(dir.path(), options(1000, 60), [] { throw StoppedError("stop"); }), StoppedError);
  EXPECT_TRUE(before.still_owned());
}

TEST_F(LeaseTest, AnOwnerElsewhereThatIsSilentForLongIsNotWaitedFor) {
  const Lease before = Lease::acquire(dir.path(), elsewhere());
  auto json = nlohmann::json::parse(read_file(file));
  json["heartbeat"] = json.at("heartbeat").get<std::int64_t>() - 1000;  // seconds
  std::ofstream(file) << json.dump();
  EXPECT_LT(seconds_to_acquire(options(1000, 60)), 0.5);
}

TEST_F(LeaseTest, WhoWasReplacedDoesNoHarm) {
  std::optional<Lease> before = Lease::acquire(dir.path(), elsewhere());
  const Lease lease = Lease::acquire(dir.path(), options());
  before->refresh();
  EXPECT_TRUE(lease.still_owned());
  before.reset();
  EXPECT_TRUE(lease.still_owned());
}

TEST_F(LeaseTest, TheSameJobBeforeItsRestartIsStaleAtOnce) {
  LeaseOptions first = elsewhere(0.1);
  first.job = {"4711", 0, {}};
  const Lease before = Lease::acquire(dir.path(), first);
  LeaseOptions second = options(1000, 60);
  second.job = {"4711", 1, {}};
  EXPECT_LT(seconds_to_acquire(second), 0.5);
}

TEST_F(LeaseTest, TheSameJobOfTheSameStartAndOtherJobsAreNot) {
  LeaseOptions first = elsewhere(0.1);
  first.job = {"4711", 1, {}};
  const Lease before = Lease::acquire(dir.path(), first);
  for (const JobInfo& job : {JobInfo{"4711", 1, {}}, JobInfo{"4711", 0, {}}, JobInfo{"4712", 5, {}}, JobInfo{}}) {
    LeaseOptions o = options();
    o.job = job;
    EXPECT_NE(refusal(o).find("job 4711"), std::string::npos);
  }
}

TEST_F(LeaseTest, AFileThatIsNoLeaseIsWaitedForAndReplaced) {
  std::ofstream(file) << "not json";
  EXPECT_GE(seconds_to_acquire(), 1);
}

TEST_F(LeaseTest, SignsOfLifeAreWritten) {
  const Lease lease = Lease::acquire(dir.path(), options(0.05));
  const auto beats = [&] { return nlohmann::json::parse(read_file(file)).at("beats").get<int>(); };
  const int before = beats();
  std::this_thread::sleep_for(500ms);
  EXPECT_GT(beats(), before);
  EXPECT_EQ(fs::file_size(file), 1024u);
}

// A process that holds the folder notes it by a file that only one can create.
struct Inside {
  explicit Inside(const fs::path& file) : file_(file) {
    const int fd = open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
    alone = fd >= 0;
    if (fd >= 0) close(fd);
  }
  ~Inside() {
    if (alone) unlink(file_.c_str());
  }
  bool alone;

 private:
  fs::path file_;
};

// Of six that find the same stale lease, exactly one gets it, at any time.
TEST_F(LeaseTest, OfManyThatTakeOverExactlyOneEverHolds) {
  const int rounds = test::by_level(10, 30, 200);
  for (int round = 0; round < rounds; ++round) {
    ASSERT_EQ(test::in_child([&] {
      new Lease(Lease::acquire(dir.path(), options()));
      return 0;
    }), 0);
    int gate[2], done[2];  // children start together; the winner holds on until all have tried
    ASSERT_EQ(pipe(gate) | pipe(done), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i)
      children.push_back(test::start_child([&] {
        char byte = 0;
        close(gate[1]);
        close(done[1]);
        if (read(gate[0], &byte, 1) != 0) return 98;
        try {
          const Lease lease = Lease::acquire(dir.path(), options(1000, 30));
          if (read(done[0], &byte, 1) != 0) return 97;  // until all others have ended
          return lease.still_owned() ? 1 : 2;
        } catch (const ConfigError&) {
          return 0;
        }
      }));
    close(gate[0]);
    close(gate[1]);
    close(done[0]);
    std::map<int, int> ends;  // exit status: 0 refused, 1 owner to the end
    for (int left = 6; left > 0; --left) {
      if (left == 1) close(done[1]);
      int status = 0;
      ASSERT_GT(wait(&status), 0);
      ASSERT_TRUE(WIFEXITED(status));
      ++ends[WEXITSTATUS(status)];
    }
    EXPECT_EQ(ends, (std::map<int, int>{{0, 5}, {1, 1}}));
    EXPECT_TRUE(fs::is_empty(dir.path()));
  }
}

// Eight processes take, hold, release, and die while they hold, in all orders: never are two inside.
TEST_F(LeaseTest, NeverAreTwoInside) {
  const test::TempDir other;
  const fs::path inside = other.path() / "inside";
  const int rounds = test::by_level(40, 150, 1000);  // of each process
  std::vector<pid_t> children;
  for (unsigned i = 0; i < 8; ++i)
    children.push_back(test::start_child([&, i] {
      std::mt19937 random(i);
      for (int round = 0; round < rounds; ++round) {
        const bool dies = random() % 2 == 0;
        // A grandchild, so that a death leaves a lease of a process that is gone.
        const int end = test::in_child([&] {
          try {
            auto* lease = new Lease(Lease::acquire(dir.path(), options(1000, 30)));
            {
              const Inside alone(inside);
              if (!alone.alone) return 3;
              if (!lease->still_owned()) return 4;
              std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
              if (!lease->still_owned()) return 5;
            }
            if (!dies) delete lease;
            return 1;
          } catch (const ConfigError&) {
            return 0;
          }
        });
        if (end != 0 && end != 1) return end;
      }
      return 0;
    }));
  for (const pid_t child : children)
    EXPECT_EQ(test::wait_child(child), 0) << "3: two were inside; 4, 5: an owner was displaced; 99: an error";
  const Lease last = Lease::acquire(dir.path(), options(1000, 30));
  EXPECT_TRUE(last.still_owned());
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
}

// kill -9 at any moment of taking, holding and releasing: the next one always gets the folder.
TEST_F(LeaseTest, AKillAtAnyMomentLeavesAFolderThatCanBeTaken) {
  std::mt19937 random(5);
  for (int round = 0; round < test::by_level(60, 200, 2000); ++round) {
    const pid_t child = test::start_child([&]() -> int {
      while (true) Lease::acquire(dir.path(), options(1000, 30));
    });
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 4000));
    kill(child, SIGKILL);
    test::wait_child(child);
    ASSERT_NO_THROW(ASSERT_TRUE(Lease::acquire(dir.path(), options(1000, 30)).still_owned())) << round;
    ASSERT_FALSE(fs::exists(file));
  }
}

TEST_F(LeaseTest, AMissingFolderIsAnIoError) { EXPECT_THROW(Lease::acquire(dir.path() / "none", options()), IoError); }

}  // namespace
}  // namespace balr
