#include "balr/run/journal.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <barrier>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "balr/core/error.hpp"
#include "balr/run/crash_note.hpp"
#include "child.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<std::int64_t>;

// A process that begins and ends rows and is killed.
void die_in_work(const fs::path& folder, const Rows& begun, const Rows& ended,
                 const std::string& identity = "this run") {
  const int code = test::in_child([&] {
    Journal journal(folder, identity);
    for (const auto row : begun) journal.begin({row, row + 1});
    for (const auto row : ended) journal.end({row, row + 1});
    raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(code, -SIGKILL);
}

TEST(Journal, NamesTheRowsInWorkWhenAProcessDied) {
  const test::TempDir dir;
  die_in_work(dir.path(), {5, 3, 1'000'000'000'000, 4}, {3});
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, (Rows{4, 5, 1'000'000'000'000}));
}

TEST(Journal, JoinsTheJournalsOfAllDeadProcesses) {
  const test::TempDir dir;
  die_in_work(dir.path(), {5, 6}, {6});
  die_in_work(dir.path(), {6, 7}, {});
  const Suspects suspects = find_suspects(dir.path(), "this run");
  EXPECT_EQ(suspects.rows, (Rows{5, 6, 7}));
  EXPECT_EQ(suspects.journals.size(), 2u);
  remove_journals(suspects);
  EXPECT_TRUE(fs::is_empty(dir.path()));
  EXPECT_TRUE(find_suspects(dir.path(), "this run").rows.empty());
}

TEST(Journal, ACleanEndLeavesNothing) {
  const test::TempDir dir;
  Journal journal(dir.path(), "this run");
  journal.begin({1, 2});
  journal.end({1, 2});
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, Rows{});
  journal.remove();
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(Journal, ALineThatWasCutOffDoesNotCount) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "journal-h-1-1.txt") << "run this run\n+ 12 13\n+ 345 346\n- 12 13\n+ 67";
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, Rows{345});
}

TEST(Journal, RowsOfOneFileAreInWorkTogether) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "journal-h-1-1.txt") << "run this run\n+ 12 15\n+ 20 22\n- 20 22\n";
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, (Rows{12, 13, 14}));
}

// Rows are numbers: those of another input are other files.
TEST(Journal, AnotherRunsRowsAreNoSuspects) {
  const test::TempDir dir;
  die_in_work(dir.path(), {5}, {}, "another run");
  const Suspects suspects = find_suspects(dir.path(), "this run");
  EXPECT_TRUE(suspects.rows.empty());
  EXPECT_EQ(suspects.journals.size(), 1u);
}

TEST(Journal, NonsenseIsLeftOut) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "journal-h-1-1.txt") << "run this run\n+ x\n+ 7 3\n+ -1 2\n+ 0 9000000000000\n\n* 1 2\n+ 8 9\n";
  std::ofstream(dir.path() / "journal-h-2-1.txt") << "";
  std::ofstream(dir.path() / "journal-h-3-1.txt") << "+ 1 2\n";
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, Rows{8});
}

TEST(Journal, OtherFilesDoNotMatter) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "part-000001.h5") << "+ 1\n";
  EXPECT_TRUE(find_suspects(dir.path(), "this run").journals.empty());
  EXPECT_TRUE(find_suspects(dir.path() / "none", "this run").rows.empty());
}

TEST(Journal, ThreadsDoNotMixTheirLines) {
  const test::TempDir dir;
  {
    Journal journal(dir.path(), "this run");
    std::vector<std::thread> threads;
    for (std::int64_t t = 0; t < 4; ++t)
      threads.emplace_back([&journal, t] {
        for (std::int64_t row = t * 1000; row < t * 1000 + 1000; ++row) {
          journal.begin({row, row + 1});
          if (row % 1000 != 17) journal.end({row, row + 1});
        }
      });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, (Rows{17, 1017, 2017, 3017}));
}

// A child that dies in a thread of its own, beside one that is decoding and one that computes something else.
int die_while_computing(const std::filesystem::path& folder, const std::function<void()>& die, bool alone = false) {
  return test::in_child([&] {
    const rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    install_crash_notes();
    Journal journal(folder, "this run");
    journal.begin({3, 4});
    if (alone) journal.alone(7);
    std::barrier both(2);
    std::thread other([&] {
      const CrashNote note(&journal, {5});
      both.arrive_and_wait();
      while (true) pause();
    });
    std::thread([&] {
      both.arrive_and_wait();
      { const CrashNote finished(&journal, {6}); }
      const CrashNote note(&journal, {7, 8});
      die();
    }).join();
    return 0;
  });
}

void write_nowhere() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

TEST(CrashNote, ACrashNamesTheRowsOfItsThread) {
  const std::vector<std::pair<int, std::function<void()>>> ways = {{SIGSEGV, write_nowhere}, {SIGABRT, [] { std::abort(); }}};
  for (const auto& [signal, die] : ways) {
    const test::TempDir dir;
    EXPECT_EQ(die_while_computing(dir.path(), die), -signal) << "the signal must act as before";
    const Suspects suspects = find_suspects(dir.path(), "this run");
    EXPECT_EQ(suspects.crashed, (Rows{7, 8}));
    EXPECT_TRUE(suspects.crashed_alone.empty());
    EXPECT_EQ(suspects.rows, Rows{3});
    EXPECT_TRUE(find_suspects(dir.path(), "another run").crashed.empty());
  }
}

// Signals that others send, and a kill, are no crash of the rows in work.
TEST(CrashNote, AKillNamesNobody) {
  for (const int signal : {SIGKILL, SIGSEGV, SIGTERM}) {
    const test::TempDir dir;
    const auto killed = [&] {
      kill(getpid(), signal);
      while (true) pause();
    };
    EXPECT_EQ(die_while_computing(dir.path(), killed), -signal);
    EXPECT_TRUE(find_suspects(dir.path(), "this run").crashed.empty()) << signal;
  }
}

TEST(CrashNote, OneThatWasAloneIsTheCulprit) {
  const test::TempDir dir;
  EXPECT_EQ(die_while_computing(dir.path(), write_nowhere, true), -SIGSEGV);
  EXPECT_EQ(die_while_computing(dir.path(), write_nowhere), -SIGSEGV);
  const Suspects suspects = find_suspects(dir.path(), "this run");
  EXPECT_EQ(suspects.crashed_alone, Rows{7});
  EXPECT_EQ(suspects.crashed, Rows{8});
}

TEST(Journal, AFolderThatIsNotThereIsAnIoError) { EXPECT_THROW(Journal("/nonexistent/folder", "this run"), IoError); }

}  // namespace
}  // namespace balr
