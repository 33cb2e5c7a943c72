// A node's ranks share one table; where they cannot, each has a copy. On several ranks.
#include "train/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Whether the values lie in the memory that SharedFile makes.
bool is_shared(const Table& table) {
  const auto address = reinterpret_cast<std::uintptr_t>(table.values.data());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::size_t dash = 0;
    const std::uintptr_t begin = std::stoull(line, &dash, 16);
    const std::uintptr_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
    if (address >= begin && address < end) return line.find("balr-table") != std::string::npos;
  }
  return false;
}

// Two speakers with two rows each, as Kaldi holds them.
void write_input(const fs::path& folder) {
  std::ofstream(folder / "x.ark")
      << "a1 [ 1 2 3 ]\na2 [ 4 5 6 ]\nb1 [ 7 8 9 ]\nb2 [ 10 11 12.5 ]\n";
  std::ofstream(folder / "utt2spk") << "a1 a\na2 a\nb1 b\nb2 b\n";
}

// The same table on every rank; shared by those that `shares` says.
void expect_table(const char* fault, const std::vector<bool>& shares) {
  const auto world = World::start(nullptr, nullptr);
  std::optional<test::TempDir> folder;  // rank 0's
  std::string path;
  if (world->rank() == 0) {
    folder.emplace();
    write_input(folder->path());
    path = folder->path() / "x.ark";
  }
  path = world->broadcast(path, 0, "folder of the test");
  if (fault) setenv("BALR_FAULT", fault, 1);
  const Table table = open_table(path, {}, "training", *world);
  unsetenv("BALR_FAULT");
  EXPECT_EQ(table.dimension, 3);
  EXPECT_EQ(table.labels, (std::vector<std::int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(table.label_names, (std::vector<std::string>{"a", "b"}));
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.5f};
  EXPECT_TRUE(std::equal(table.values.begin(), table.values.end(), values.begin(), values.end()));
  for (const std::string& hash : world->all_gather(table.content_hash, "hashes of the test"))
    EXPECT_EQ(hash, table.content_hash);
  EXPECT_EQ(is_shared(table), shares[static_cast<std::size_t>(world->rank())])
      << "rank " << world->rank();
  world->barrier("end of the test");  // rank 0's folder goes
}

TEST(OpenTable, IsSharedByTheRanksOfANode) { expect_table(nullptr, {true, true, true}); }

TEST(OpenTable, WithoutSharedMemoryEachRankReadsItsOwn) {
  expect_table("no@train.shared_table:0=1", {false, false, false});
}

TEST(OpenTable, ARankThatCannotMapItReadsItsOwn) {
  expect_table("no@train.shared_table:2=1", {true, true, false});
}

TEST(OpenTable, ErrorsAreTheSameOnEveryRank) {
  const auto world = World::start(nullptr, nullptr);
  EXPECT_THROW(open_table("/absent/x.ark", {}, "training", *world), DataError);
}

}  // namespace
}  // namespace balr
