#include "balr/data/manifest.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "balr/core/error.hpp"
#include "data/csv.hpp"
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
  Manifest read(const std::string& text, const fs::path& root = {}) {
    return read_manifest(write(text), root, {"wav"});
  }
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
  const auto m = read(
      "\xEF\xBB\xBFid,audio,speaker,note\r\n\"a,1\",\"x \"\"y\"\".wav\",007,\"two\nlines\"\r\n b "
      ",/abs/b.wav,NA,\r\n\xFF,c.wav,,\r\n");
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

TEST_F(ManifestTest, HostileRowsThatAreFine) {
  const std::string longest(4096, 'x'), note(100'000, 'n');
  const struct {
    const char* what;
    std::string text, id, audio;
  } rows[] = {
      {"a blank line before, between, after", "\n\nid,audio\n\na,b\n\n\n", "a", "b"},
      {"no newline at the end", "id,audio\na,b", "a", "b"},
      {"line ends of an old Macintosh", "id,audio\ra,b\r", "a", "b"},
      {"mixed line ends", "id,audio\r\na,b\n", "a", "b"},
      {"the longest text", "id,audio\n" + longest + ",b\n", longest, "b"},
      {"a long cell that nobody needs", "id,note,audio\na," + note + ",b\n", "a", "b"},
      {"blanks are part of a cell", "id,audio\n a , b\n", " a ", " b"},
      {"texts that pandas takes for missing", "id,audio\nNA,nan\n", "NA", "nan"},
      {"leading zeros, signs, exponents", "id,audio\n007,1e5\n", "007", "1e5"},
      {"quoted header", "\"id\",\"audio\"\na,b\n", "a", "b"},
      {"a formula", "id,audio\n=1+1,@x\n", "=1+1", "@x"},
      {"quotes, commas and line ends", "id,audio\n\"a\"\"\r\n,\",b\n", "a\"\r\n,", "b"},
      {"no file, but a name", "id,audio\na,\n", "a", ""},
      {"any bytes", "id,audio\n\x80\xFE\x01,\x7F\n", "\x80\xFE\x01", "\x7F"},
      {"names in another case are other columns", "ID,id,audio,Start\nx,a,b,1\n", "a", "b"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const auto m = read(row.text);
    ASSERT_EQ(m.rows.size(), 1u);
    EXPECT_EQ(m.rows[0].id, row.id);
    EXPECT_EQ(m.rows[0].audio, row.audio);
    EXPECT_EQ(m.rows[0].path.empty(), row.audio.empty());
    EXPECT_EQ(m.cells[0].size(), m.header.size());
  }
}

TEST_F(ManifestTest, PiecesOfFiles) {
  const auto m = read("id,audio,start,end,channel\na,x,0.5,1.25,0\nb,x,,1e1,\nc,x,2,,63\nd,x,,,\n");
  ASSERT_TRUE(m.has_pieces);
  EXPECT_EQ(m.rows[0].piece, (AudioPiece{0.5, 1.25, 0}));
  EXPECT_EQ(m.rows[1].piece, (AudioPiece{0, 10, -1}));
  EXPECT_EQ(m.rows[2].piece, (AudioPiece{2, -1, 63}));
  EXPECT_EQ(m.rows[3].piece, AudioPiece{});
  EXPECT_EQ(read("channel,audio\n1,x\n").rows[0].piece.channel, 1);
  EXPECT_NE(m.hash, read("id,audio,start,end,channel\na,x,0.5,1.26,0\nb,x,,1e1,\nc,x,2,,63\nd,x,,,"
                         "\n")
                        .hash);
  EXPECT_FALSE(read("id,audio\na,x\n").has_pieces);
  // Without audio these names mean nothing.
  EXPECT_FALSE(read("id,start\na,yesterday\n").has_pieces);
}

TEST_F(ManifestTest, PiecesThatAreNone) {
  for (const char* start :
       {"x", "-1", "-0", "nan", "inf", "1e999", " 1", "1 ", "0x10", "1,5", "+1"})
    EXPECT_NE(error("id,audio,start\na,b,\nc,d,\"" + std::string(start) + "\"\n")
                  .find("line 3: the cell 'start' is '" + std::string(start)),
              std::string::npos)
        << start;
  for (const char* end : {"0", "-1", "1.5", "x"})
    EXPECT_NE(error("id,audio,start,end\na,b,1.5," + std::string(end) + "\n").find("line 2: the "),
              std::string::npos)
        << end;
  for (const char* channel : {"-1", "1.0", "left", "99999999999", " 0"})
    EXPECT_NE(error("id,audio,channel\na,b," + std::string(channel) + "\n")
                  .find("line 2: the cell 'channel' is '"),
              std::string::npos)
        << channel;
  EXPECT_NE(error("audio,start\na,0\na,1\n").find("line 3: the id 'a' is there twice"),
            std::string::npos);
}

TEST_F(ManifestTest, HashIsThatOfTheBytes) {
  // printf 'id,audio\na,b\n' | sha256sum
  EXPECT_EQ(read("id,audio\na,b\n").hash,
            "a81b1681994501f589b2926f5b71c1297de53e77d94d23ab5c2a12eb4f903a52");
  EXPECT_NE(read("id,audio\r\na,b\n").hash, read("id,audio\na,b\n").hash);
}

// What csv_line writes, parse_csv reads back.
TEST(Csv, RandomCellsSurviveWritingAndReading) {
  std::mt19937 rng(1);
  const std::string alphabet = "ab ,\"\r\n\xC3\xA9;'";
  for (int round = 0; round < test::by_level(300, 3000, 30000); ++round) {
    std::vector<std::vector<std::string>> rows(1 + rng() % 4);
    std::string text;
    for (auto& row : rows) {
      row.resize(1 + rng() % 3);
      for (auto& cell : row)
        for (std::size_t n = rng() % 6; n > 0; --n) cell += alphabet[rng() % alphabet.size()];
      text += csv_line(row);
    }
    ASSERT_EQ(parse_csv(text, "x.csv").records, rows) << text;
  }
}

// Any bytes: records of any kind or a DataError with a line, nothing else.
TEST(Csv, RandomBytes) {
  std::mt19937 rng(2);
  int refused = 0;
  for (int round = 0; round < test::by_level(3000, 30000, 300000); ++round) {
    std::string text;
    for (std::size_t n = rng() % 40; n > 0; --n) text += ",\"\r\nab\0\xEF\xBB\xBF"[rng() % 10];
    try {
      const CsvTable table = parse_csv(text, "x.csv");
      ASSERT_EQ(table.records.size(), table.lines.size());
      for (const auto& record : table.records) ASSERT_FALSE(record.empty());
    } catch (const DataError& error) {
      ++refused;
      ASSERT_NE(std::string(error.what()).find("x.csv, line "), std::string::npos);
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(ManifestTest, ErrorsNameFileLineAndCause) {
  EXPECT_NE(error("name,speaker\nx,y\n").find("neither a column 'id' nor a column 'audio'"),
            std::string::npos);
  EXPECT_NE(error("id, audio\na\n").find("line 2: 1 cells"), std::string::npos);
  EXPECT_NE(error("id,audio\na,b\na,c\n").find("line 3: the id 'a' is there twice"),
            std::string::npos);
  EXPECT_NE(error("id,audio\n\"x\ny\",b\n,c\n").find("line 4: the cell 'id' is empty"),
            std::string::npos);
  EXPECT_NE(error("id,audio\n\"a,b\n").find("not closed"), std::string::npos);
  EXPECT_NE(error(std::string("id,audio\na\0b,c\n", 15)).find("line 2: a NUL byte"),
            std::string::npos);
  EXPECT_NE(error("id,audio\n" + std::string(4097, 'x') + ",b\n").find("4096 bytes"),
            std::string::npos);
  EXPECT_NE(error("id,audio\n").find("no rows"), std::string::npos);
  EXPECT_NE(error("").find("no rows"), std::string::npos);
  EXPECT_NE(error("id,id,audio\na,b,c\n").find("two columns"), std::string::npos);
  EXPECT_NE(error("id,audio\na,b,\n").find("line 2: 3 cells"), std::string::npos);
  EXPECT_NE(error("audio\na\n\"\"\n").find("line 3: the cell 'audio' is empty"), std::string::npos);
  EXPECT_NE(error("id,audio\na\"b,c\n").find("line 2: a quote in the middle"), std::string::npos);
  EXPECT_NE(error("id,audio\n\"a\"b,c\n").find("line 2: a quote in the middle"), std::string::npos);
  EXPECT_NE(error("id,speaker\na," + std::string(4097, 'x') + "\n").find("line 2"),
            std::string::npos);
  EXPECT_NE(error(std::string("\xFF\xFEi\0d\0\n\0", 8)).find("line 1: a NUL byte"),
            std::string::npos);
  EXPECT_NE(error("id,audio\n\"a\",b\na,c\n").find("is there twice"), std::string::npos);
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
  EXPECT_EQ(read_manifest(dir_.path() / "d", {}, {".Wav"}).rows.size(), 2u);
  // printf 'a.flac\nb.wav\ne/a.WAV\n' | sha256sum
  EXPECT_EQ(m.hash, "32f57d4c5a0e428ed4c70ec0623ca9168a7c5bca02c44f1c9cd02f9ee56df314");
  const auto single = read_manifest(dir_.path() / "d" / "a.txt", {}, {});
  EXPECT_EQ(single.rows[0].id, "a");
  EXPECT_EQ(single.rows[0].path, dir_.path() / "d" / "a.txt");
  EXPECT_TRUE(single.has_audio && !single.has_speaker);
  EXPECT_THROW(read_manifest(write("x", "embeddings.h5"), {}, {}), DataError);
}

TEST(Labels, OrderIsNumericOnlyIfAllAreNumbers) {
  EXPECT_EQ(order_by_id({"10", "9", "-1"}), (std::vector<std::int64_t>{2, 1, 0}));
  EXPECT_EQ(order_by_id({"10", "9", "x"}), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(order_by_id({"b", "a", "\xC3\xA9"}), (std::vector<std::int64_t>{1, 0, 2}));
  EXPECT_EQ(encode_labels({"20", "3", "20", "100"}), (std::vector<std::int64_t>{1, 0, 1, 2}));
  EXPECT_EQ(encode_labels({"id20", "id3", "id100"}), (std::vector<std::int64_t>{1, 2, 0}));
  EXPECT_EQ(order_by_id({"7", "007", "+7", "6"}), (std::vector<std::int64_t>{3, 2, 1, 0}));
  EXPECT_TRUE(all_numeric({"+7", "-007", "9223372036854775807"}));
  for (const char* text : {"+-5", "--5", "+", "-", "5 ", " 5", "0x5", "9223372036854775808", "5\n"})
    EXPECT_FALSE(all_numeric({"1", text})) << text;
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
