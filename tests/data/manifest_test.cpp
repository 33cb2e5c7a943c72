#include "balr/data/manifest.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class ManifestTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& text, const std::string& name = "in.csv") {
    std::ofstream(dir_.path() / name, std::ios::binary) << text;
    return dir_.path() / name;
  }
  Manifest read(const std::string& text, const fs::path& root = {}) { return read_manifest(write(text), root, {"wav"}); }
  std::string error(const std::string& text) {
    try {
      read(text);
    } catch (const DataError& e) {
      return e.what();
    }
    return "no error";
  }
  test::TempDir dir_;
};

TEST_F(ManifestTest, QuotesLineEndsByteOrderMarkAndBytesThatAreNotText) {
  const auto m = read("\xEF\xBB\xBFid,audio,speaker,note\r\n\"a,1\",\"x \"\"y\"\".wav\",007,\"two\nlines\"\r\n b ,/abs/b.wav,NA,\r\n\xFF,c.wav,,\r\n");
  ASSERT_EQ(m.rows.size(), 3u);
  EXPECT_EQ(m.rows[0].id, "a,1");
  EXPECT_EQ(m.rows[0].path, dir_.path() / "x \"y\".wav");
  EXPECT_EQ(m.rows[0].speaker, "007");
  EXPECT_EQ(m.cells[0][3], "two\nlines");
  EXPECT_EQ(m.rows[1].id, " b ");
  EXPECT_EQ(m.rows[1].path, "/abs/b.wav");
  EXPECT_EQ(m.rows[1].speaker, "NA");
  EXPECT_EQ(m.rows[2].id, "\xFF");
  EXPECT_EQ(m.rows[2].speaker, "");
  EXPECT_TRUE(m.has_audio && m.has_speaker && !m.has_embedding);
}

TEST_F(ManifestTest, IdsAreTheAudioTextWithoutAnIdColumnAndRootDirIsUsed) {
  const auto m = read("audio\nd/a.wav\nd/b.wav", "/data");
  EXPECT_EQ(m.rows[1].id, "d/b.wav");
  EXPECT_EQ(m.rows[1].path, "/data/d/b.wav");
}

TEST_F(ManifestTest, ErrorsNameFileLineAndCause) {
  EXPECT_NE(error("name,speaker\nx,y\n").find("neither a column 'id' nor a column 'audio'"), std::string::npos);
  EXPECT_NE(error("id, audio\na\n").find("line 2: 1 cells"), std::string::npos);
  EXPECT_NE(error("id,audio\na,b\na,c\n").find("line 3: the id 'a' is there twice"), std::string::npos);
  EXPECT_NE(error("id,audio\n\"x\ny\",b\n,c\n").find("line 4: the cell 'id' is empty"), std::string::npos);
  EXPECT_NE(error("id,audio\n\"a,b\n").find("not closed"), std::string::npos);
  EXPECT_NE(error(std::string("id,audio\na\0b,c\n", 15)).find("line 2: a NUL byte"), std::string::npos);
  EXPECT_NE(error("id,audio\n" + std::string(4097, 'x') + ",b\n").find("4096 bytes"), std::string::npos);
  EXPECT_NE(error("id,audio\n").find("no rows"), std::string::npos);
  EXPECT_NE(error("").find("no rows"), std::string::npos);
  EXPECT_NE(error("id,id,audio\na,b,c\n").find("two columns"), std::string::npos);
  EXPECT_NE(error("id,audio,start\na,b,1\n").find("'start'"), std::string::npos);
  EXPECT_THROW(read_manifest(dir_.path() / "none.csv", {}, {}), DataError);
}

TEST_F(ManifestTest, FolderAndSingleFile) {
  fs::create_directories(dir_.path() / "d" / "e");
  for (const char* name : {"d/b.wav", "d/e/a.WAV", "d/a.txt", "d/a.flac"}) write("x", name);
  const auto m = read_manifest(dir_.path() / "d", {}, {"wav", "FLAC"});
  ASSERT_EQ(m.rows.size(), 3u);
  EXPECT_EQ(m.rows[0].id, "a.flac");
  EXPECT_EQ(m.rows[2].id, "e/a.WAV");
  EXPECT_THROW(read_manifest(dir_.path() / "d", {}, {"mp3"}), DataError);
  EXPECT_EQ(read_manifest(dir_.path() / "d" / "a.txt", {}, {}).rows[0].id, "a");
}

TEST(Labels, OrderIsNumericOnlyIfAllAreNumbers) {
  EXPECT_EQ(order_by_id({"10", "9", "-1"}), (std::vector<std::int64_t>{2, 1, 0}));
  EXPECT_EQ(order_by_id({"10", "9", "x"}), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(order_by_id({"b", "a", "\xC3\xA9"}), (std::vector<std::int64_t>{1, 0, 2}));
  EXPECT_EQ(encode_labels({"20", "3", "20", "100"}), (std::vector<std::int64_t>{1, 0, 1, 2}));
  EXPECT_EQ(encode_labels({"id20", "id3", "id100"}), (std::vector<std::int64_t>{1, 2, 0}));
  EXPECT_FALSE(all_numeric({}));
  EXPECT_FALSE(all_numeric({"1.5"}));
  EXPECT_FALSE(all_numeric({""}));
}

TEST(CsvLine, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_line({"a", "b,c", "d\"e", "", "f\n"}), "a,\"b,c\",\"d\"\"e\",,\"f\n\"\n");
  EXPECT_EQ(csv_line({""}), "\"\"\n");
}

}  // namespace
}  // namespace balr
