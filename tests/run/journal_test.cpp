#include "balr/run/journal.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "balr/core/error.hpp"
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

TEST(Journal, AFolderThatIsNotThereIsAnIoError) { EXPECT_THROW(Journal("/nonexistent/folder", "this run"), IoError); }

}  // namespace
}  // namespace balr
