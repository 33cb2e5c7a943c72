#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class KaldiFolder : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() / name, std::ios::binary) << text;
  }
  Manifest read(const fs::path& root = {}) { return read_manifest(dir_.path(), root, {"wav"}); }
  std::string error() {
    try {
      read();
    } catch (const DataError& e) {
      return e.what();
    }
    return "no error";
  }
  test::TempDir dir_;
};

TEST_F(KaldiFolder, RecordingsAlone) {
  write("wav.scp", "b  /data/a file.wav \r\n\na\tb.flac");
  const auto m = read();
  ASSERT_EQ(m.rows.size(), 2u);
  EXPECT_EQ(m.rows[0].id, "b");  // the list's order, as for a CSV
  EXPECT_EQ(m.rows[0].path, "/data/a file.wav");
  EXPECT_EQ(m.rows[1].path, "b.flac");  // from the working folder, as in Kaldi
  EXPECT_TRUE(m.has_audio && !m.has_speaker && !m.has_pieces && m.header.empty());
  EXPECT_EQ(read("/root").rows[1].path, "/root/b.flac");
  write("b.flac", "x");  // there, and not in the working folder
  EXPECT_EQ(read().rows[1].path, dir_.path() / "b.flac");
  EXPECT_EQ(read_manifest(dir_.path() / "wav.scp", {}, {}).rows[0].id, "b");
}

TEST_F(KaldiFolder, SegmentsAndSpeakers) {
  write("wav.scp", "rec1 /r1.wav\nrec2 /r2.wav\n");
  write("segments", "u2 rec2 0.5 1.75\nu1 rec1 0 -1\nu3 rec2 2 3 1\nu4 rec2 2 3 -1\n");
  write("utt2spk", "u1 alice\nu2 bob\nu3 bob\nu4 bob\nother carol\n");
  const auto m = read();
  ASSERT_EQ(m.rows.size(), 4u);
  EXPECT_EQ(m.rows[0].id, "u2");
  EXPECT_EQ(m.rows[0].path, "/r2.wav");
  EXPECT_EQ(m.rows[0].speaker, "bob");
  EXPECT_EQ(m.rows[0].piece, (AudioPiece{0.5, 1.75, -1}));
  EXPECT_EQ(m.rows[1].piece, AudioPiece{});
  EXPECT_EQ(m.rows[2].piece, (AudioPiece{2, 3, 1}));
  EXPECT_EQ(m.rows[3].piece, (AudioPiece{2, 3, -1}));
  EXPECT_TRUE(m.has_pieces && m.has_speaker);
  EXPECT_EQ(m.max_overshoot, 0.5);
}

TEST_F(KaldiFolder, TheHashIsOfAllLists) {
  write("wav.scp", "a /x\n");
  std::vector<std::string> hashes = {read().hash};
  write("segments", "u a 0 1\n");
  hashes.push_back(read().hash);
  write("segments", "u a 0 1.5\n");
  hashes.push_back(read().hash);
  write("utt2spk", "u s\n");
  hashes.push_back(read().hash);
  for (std::size_t i = 1; i < hashes.size(); ++i) EXPECT_NE(hashes[i], hashes[i - 1]);
  EXPECT_EQ(hashes[3], read().hash);
}

TEST_F(KaldiFolder, CommandsAreRefusedAndNotRun) {
  const fs::path trace = dir_.path() / "trace";
  write("wav.scp", "a /x.wav\nb touch " + trace.string() + " |\n");
  EXPECT_NE(error().find("wav.scp, line 2: 'touch " + trace.string() + " |' is a command"),
            std::string::npos)
      << error();
  EXPECT_FALSE(fs::exists(trace));
  write("wav.scp", "b | cat\n");
  EXPECT_NE(error().find("is a command"), std::string::npos);
  write("wav.scp", "b -\n");
  EXPECT_NE(error().find("standard input"), std::string::npos);
  write("wav.scp", "b /a|b.wav\n");  // a name like any other
  EXPECT_EQ(read().rows[0].path, "/a|b.wav");
}

TEST_F(KaldiFolder, ErrorsNameFileLineAndCause) {
  write("wav.scp", "a\n");
  EXPECT_NE(error().find("wav.scp, line 1: 1 fields"), std::string::npos);
  write("wav.scp", "\n");
  EXPECT_NE(error().find("no rows"), std::string::npos);
  write("wav.scp", "a /x\na /y\n");
  EXPECT_NE(error().find("line 2: 'a' is there twice"), std::string::npos);
  write("wav.scp", std::string("a /x\0y\n", 7));
  EXPECT_NE(error().find("NUL"), std::string::npos);
  write("wav.scp", "a /" + std::string(5000, 'x') + "\n");
  EXPECT_NE(error().find("4096"), std::string::npos);
  write("wav.scp", "a /x\n");
  write("segments", "u b 0 1\n");
  EXPECT_NE(error().find("segments, line 1: the recording 'b' is not in wav.scp"),
            std::string::npos);
  write("segments", "u a 0 1\nv a 2 1\n");
  EXPECT_NE(error().find("segments, line 2: the piece ends"), std::string::npos);
  write("segments", "u a zero 1\n");
  EXPECT_NE(error().find("line 1: the cell 'start'"), std::string::npos);
  write("segments", "u a 0 1\n");
  write("utt2spk", "w s\n");
  EXPECT_NE(error().find("no line for the utterance 'u'"), std::string::npos);
}

}  // namespace
}  // namespace balr
