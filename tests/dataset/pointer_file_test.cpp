#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/dataset/vector_table.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class PointerFile : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root() / "data" / "dev_embeddings"); }
  fs::path root() const { return fs::canonical(folder_.path()); }
  fs::path csv() const { return root() / "data" / "dev.csv"; }
  // The store as read back after writing.
  fs::path round_trip(const fs::path& store) const {
    write_pointer(csv(), {store, "s", "c", "m"});
    return read_pointer(pointer_path(csv())).store;
  }
  std::string line() const { return read_file(pointer_path(csv())); }

 private:
  test::TempDir folder_;
};

TEST_F(PointerFile, IsOneLineBesideTheCsv) {
  write_pointer(csv(), {root() / "data" / "dev_embeddings" / "embeddings.h5", "5107e", "c57",
                        "repo/name \"é\" abc"});
  EXPECT_EQ(pointer_path(csv()), root() / "data" / "dev.csv.embeddings");
  EXPECT_EQ(line(),
            "{\"store\":\"dev_embeddings/"
            "embeddings.h5\",\"store_sha256\":\"5107e\",\"csv_sha256\":\"c57\","
            "\"model\":\"repo/name \\\"é\\\" abc\"}\n");
  const Pointer back = read_pointer(pointer_path(csv()));
  EXPECT_EQ(back.store, root() / "data" / "dev_embeddings" / "embeddings.h5");
  EXPECT_EQ(back.store_hash, "5107e");
  EXPECT_EQ(back.csv_hash, "c57");
  EXPECT_EQ(back.model, "repo/name \"é\" abc");
}

TEST_F(PointerFile, AStoreElsewhereIsAbsolute) {
  const fs::path elsewhere = root() / "scratch" / "embeddings.h5";
  EXPECT_EQ(round_trip(elsewhere), elsewhere);
  EXPECT_NE(line().find("\"" + elsewhere.string() + "\""), std::string::npos);
  // A neighbour whose name starts like the CSV's folder is not below it.
  EXPECT_EQ(round_trip(root() / "data2" / "e.h5"), root() / "data2" / "e.h5");
}

TEST_F(PointerFile, PathsRelativeToTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(root() / "data");
  write_pointer("dev.csv", {"dev_embeddings/embeddings.h5", "s", "c", "m"});
  const fs::path back = read_pointer("dev.csv.embeddings").store;
  fs::current_path(before);
  EXPECT_EQ(back, "dev_embeddings/embeddings.h5");
  EXPECT_NE(line().find("\"dev_embeddings/embeddings.h5\""), std::string::npos);
  EXPECT_EQ(read_pointer(pointer_path(csv())).store,
            root() / "data" / "dev_embeddings" / "embeddings.h5");
}

TEST_F(PointerFile, SurvivesMovingTheFolder) {
  write_pointer(csv(), {root() / "data" / "dev_embeddings" / "embeddings.h5", "s", "c", "m"});
  fs::rename(root() / "data", root() / "moved");
  EXPECT_EQ(read_pointer(root() / "moved" / "dev.csv.embeddings").store,
            root() / "moved" / "dev_embeddings" / "embeddings.h5");
}

TEST_F(PointerFile, AFolderReachedThroughALink) {
  fs::create_directory_symlink(root() / "data", root() / "link");
  write_pointer(root() / "link" / "dev.csv",
                {root() / "data" / "dev_embeddings" / "embeddings.h5", "s", "c", "m"});
  EXPECT_NE(line().find("\"dev_embeddings/embeddings.h5\""), std::string::npos);
}

TEST_F(PointerFile, AnyPath) {
  for (const char* name : {"a \"b\" \\ #7\t.h5", "語.h5", "latin1 \xe9\xff.h5", "new\nline.h5"}) {
    EXPECT_EQ(round_trip(root() / "data" / name), root() / "data" / name);
    EXPECT_EQ(round_trip(root() / name), root() / name);
    const std::string text = line();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  }
}

TEST_F(PointerFile, RefusesWhatIsNoPointer) {
  const fs::path file = pointer_path(csv());
  EXPECT_THROW(read_pointer(file), IoError);
  for (const std::string& content :
       {std::string(), std::string("store\thash\n"), std::string("[1]"),
        std::string("{\"store\":\"x\"}"),
        std::string("{\"store\":1,\"store_sha256\":\"s\",\"csv_sha256\":\"c\",\"model\":\"m\"}"),
        std::string(
            "{\"store_hex\":\"zz\",\"store_sha256\":\"s\",\"csv_sha256\":\"c\",\"model\":\"m\"}"),
        std::string(100'000, '[')}) {
    std::ofstream(file, std::ios::binary) << content;
    EXPECT_THROW(read_pointer(file), DataError) << content.substr(0, 80);
  }
}

}  // namespace
}  // namespace balr
