#include "train/shared_file.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "support/golden.hpp"

namespace balr {
namespace {

Table small_table() {
  VectorTable table;
  table.dimension = 3;
  table.values = {1, 2, 3, 4, 5, 6.5f};
  table.ids = {"a", "b"};
  table.labels = {1, 0};
  table.label_names = {"\xff no UTF-8", ""};
  for (int row = 0; row < 7; ++row) table.dropped.emplace("failed " + std::to_string(row), "decode");
  table.source = "store";
  table.model = "model";
  table.content_hash = "hash";
  return make_table(std::move(table));
}

TEST(SharedFile, IsTheTableForAnotherProcess) {
  const Table table = small_table();
  auto file = SharedFile::write(table);
  ASSERT_TRUE(file.has_value());
  const pid_t child = fork();
  if (child == 0) {
    const auto seen = map_table(file->path());
    const bool same = seen && seen->rows() == 2 && seen->dimension == 3 && seen->dropped == 7 &&
                      seen->labels == table.labels && seen->label_names == table.label_names &&
                      seen->source == "store" && seen->model == "model" &&
                      seen->content_hash == "hash" &&
                      std::equal(seen->values.begin(), seen->values.end(), table.values.begin(),
                                 table.values.end());
    _exit(same ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // What is mapped stays when the file goes.
  const auto mapped = map_table(file->path());
  const auto path = file->path();
  file.reset();
  EXPECT_EQ(mapped->values[5], 6.5f);
  EXPECT_FALSE(map_table(path).has_value());
}

TEST(SharedFile, OtherFilesAreNone) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "other") << std::string(1000, 'x');
  EXPECT_FALSE(map_table(folder.path() / "other").has_value());
  EXPECT_FALSE(map_table(folder.path() / "absent").has_value());
}

}  // namespace
}  // namespace balr
