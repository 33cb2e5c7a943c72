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
void die_in_work(const fs::path& folder, const Rows& begun, const Rows& ended) {
  const int code = test::in_child([&] {
    Journal journal(folder);
    for (const auto row : begun) journal.begin(row);
    for (const auto row : ended) journal.end(row);
    raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(code, -SIGKILL);
}

TEST(Journal, NamesTheRowsInWorkWhenAProcessDied) {
  const test::TempDir dir;
  die_in_work(dir.path(), {5, 3, 1'000'000'000'000, 4}, {3});
  EXPECT_EQ(find_suspects(dir.path()).rows, (Rows{4, 5, 1'000'000'000'000}));
}

TEST(Journal, JoinsTheJournalsOfAllDeadProcesses) {
  const test::TempDir dir;
  die_in_work(dir.path(), {5, 6}, {6});
  die_in_work(dir.path(), {6, 7}, {});
  const Suspects suspects = find_suspects(dir.path());
  EXPECT_EQ(suspects.rows, (Rows{5, 6, 7}));
  EXPECT_EQ(suspects.journals.size(), 2u);
  remove_journals(suspects);
  EXPECT_TRUE(fs::is_empty(dir.path()));
  EXPECT_TRUE(find_suspects(dir.path()).rows.empty());
}

TEST(Journal, ACleanEndLeavesNothing) {
  const test::TempDir dir;
  Journal journal(dir.path());
  journal.begin(1);
  journal.end(1);
  EXPECT_EQ(find_suspects(dir.path()).rows, Rows{});
  journal.remove();
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(Journal, ALineThatWasCutOffDoesNotCount) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "journal-h-1-1.txt") << "+ 12\n+ 345\n- 12\n+ 67";
  EXPECT_EQ(find_suspects(dir.path()).rows, Rows{345});
}

TEST(Journal, OtherFilesDoNotMatter) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "part-000001.h5") << "+ 1\n";
  EXPECT_TRUE(find_suspects(dir.path()).journals.empty());
  EXPECT_TRUE(find_suspects(dir.path() / "none").rows.empty());
}

TEST(Journal, ThreadsDoNotMixTheirLines) {
  const test::TempDir dir;
  {
    Journal journal(dir.path());
    std::vector<std::thread> threads;
    for (std::int64_t t = 0; t < 4; ++t)
      threads.emplace_back([&journal, t] {
        for (std::int64_t row = t * 1000; row < t * 1000 + 1000; ++row) {
          journal.begin(row);
          if (row % 1000 != 17) journal.end(row);
        }
      });
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(find_suspects(dir.path()).rows, (Rows{17, 1017, 2017, 3017}));
}

TEST(Journal, AFolderThatIsNotThereIsAnIoError) { EXPECT_THROW(Journal("/nonexistent/folder"), IoError); }

}  // namespace
}  // namespace balr
