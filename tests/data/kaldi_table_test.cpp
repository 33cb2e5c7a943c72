#include "balr/data/kaldi_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

std::vector<KaldiVector> read(const std::string& bytes) {
  std::vector<KaldiVector> out;
  std::istringstream in(bytes);
  read_kaldi_ark(in, bytes.size(), "x.ark",
                 [&](KaldiVector entry) { out.push_back(std::move(entry)); });
  return out;
}

std::vector<KaldiVector> read(const fs::path& table) {
  std::vector<KaldiVector> out;
  read_kaldi_table(table, table.extension() == ".scp", [&](KaldiVector entry) { out.push_back(std::move(entry)); });
  return out;
}

std::string refusal(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

const std::string kFloats = "a \0BFV \4\2\0\0\0\0\0\xc0\x3f\0\0\0\xc0"s;  // 1.5 -2
const std::string kDoubles = "b \0BDV \4\1\0\0\0\0\0\0\0\0\0\xd0\x3f"s;   // 0.25
const std::string kRow = "c \0BFM \4\1\0\0\0\4\1\0\0\0\0\0\x80\x40"s;     // 4
const std::string kText = "d  [ 1 -2.5e1 nan ]\n";
using Floats = std::vector<float>;

TEST(KaldiTable, ReadsBinaryAndText) {
  const auto entries = read(kFloats + kDoubles + kRow + kText + "\n" + kFloats + "e  [\n  7 8 ]\n");
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_EQ(entries[0].key, "a");
  EXPECT_EQ(entries[0].values, (Floats{1.5f, -2}));
  EXPECT_EQ(entries[1].values, (Floats{0.25f}));
  EXPECT_EQ(entries[2].values, (Floats{4}));
  EXPECT_EQ(entries[3].values[1], -25);
  EXPECT_TRUE(std::isnan(entries[3].values[2]));
  EXPECT_EQ(entries[5].key, "e");
  EXPECT_EQ(entries[5].values, (Floats{7, 8}));
  EXPECT_TRUE(read(std::string()).empty());
  EXPECT_TRUE(read("f  [ ]\n"s)[0].values.empty());
}

TEST(KaldiTable, WhatIsNoVectorIsRefusedByName) {
  EXPECT_NE(refusal("k \0BCM \0\0\0\0"s).find("compressed matrix"), std::string::npos);
  EXPECT_NE(refusal("k \0BCM2 \0\0\0\0"s).find("compressed matrix"), std::string::npos);
  EXPECT_NE(
      refusal("k \0BFM \4\2\0\0\0\4\1\0\0\0\0\0\x80\x40\0\0\x80\x40"s).find("matrix of 2 rows"),
      std::string::npos);
  EXPECT_NE(refusal("k  [\n 1 2\n 3 4 ]\n").find("is a matrix"), std::string::npos);
  EXPECT_NE(refusal("k \0B\4\1\0\0\0\4\7\0\0\0"s), "accepted") << "integers";
  EXPECT_NE(refusal("k \0BFV \4\xff\xff\xff\x7f"s).find("does not have"), std::string::npos);
  EXPECT_NE(refusal("k \0BFV \4\xff\xff\xff\xff"s).find("negative"), std::string::npos);
  EXPECT_NE(refusal("k \0BDM \4\1\0\0\0\4\xff\xff\xff\x7f"s), "accepted");
  for (const std::string& bytes :
       {"k"s, "k "s, "k \0"s, "k \0X"s, "k\n"s, "k 1 2 3\n"s, "k [ 1 2"s, "k [ x ]\n"s, "k 5\n"s,
        "k [ [ 1 ]\n"s, "k [ 1 2 ["s, "k [ "s + std::string(1000, '1') + " ]"s,
        std::string(5000, 'k') + " [ 1 ]\n"s, "\0\0\0"s, "k \0BXYZW \4"s})
    EXPECT_NE(refusal(bytes), "accepted") << bytes.substr(0, 40);
  for (const std::string& entry : {kFloats, kDoubles, kRow})
    for (std::size_t n = 1; n < entry.size(); ++n)
      EXPECT_NE(refusal(entry.substr(0, n)), "accepted") << n;
}

TEST(KaldiTable, SurvivesAnyChange) {
  std::mt19937_64 random(5);
  const std::string seed = kFloats + kText + kDoubles + kRow;
  int refused = 0;
  for (int round = 0; round < test::by_level(20'000, 100'000, 1'000'000); ++round) {
    std::string bytes = seed;
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      const std::size_t at = random() % bytes.size();
      if (random() % 2 == 0)
        bytes[at] = static_cast<char>(random());
      else
        bytes.erase(at, 1);
    }
    if (refusal(bytes) != "accepted") ++refused;
  }
  EXPECT_GT(refused, 1000);
}

class KaldiFiles : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
    return folder_.path() / name;
  }
  std::string error(const std::string& scp) {
    try {
      read(write("x.scp", scp));
    } catch (const DataError& e) {
      return e.what();
    }
    return "accepted";
  }
  test::TempDir folder_;
};

TEST_F(KaldiFiles, WrittenAndReadAgain) {
  const fs::path ark = folder_.path() / "v v.ark", scp = folder_.path() / "v v.scp";
  const Floats one{1, 2, 3}, two{-1.5f, INFINITY, 1e-40f};
  {
    KaldiWriter writer(ark);
    writer.append("one", one);
    EXPECT_THROW(writer.append("a b", one), DataError);
    EXPECT_THROW(writer.append("", one), DataError);
    EXPECT_FALSE(fs::exists(ark));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path())) << "nothing is left without finish()";
  {
    KaldiWriter writer(ark);
    writer.append("one", one);
    writer.append("two", two);
    writer.finish();
  }
  for (const fs::path& table : {ark, scp}) {
    const auto entries = read(table);
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].key, "one");
    EXPECT_EQ(entries[0].values, one);
    EXPECT_EQ(entries[1].values, two);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2);
}

TEST_F(KaldiFiles, ScriptsOfAnyForm) {
  write("a.ark", kFloats + kDoubles);
  write("single", kFloats.substr(2));
  const auto entries = read(write("x.scp", "b a.ark:22\r\n\na   a.ark:2  \n c\tsingle\n"));
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].key, "b");
  EXPECT_EQ(entries[0].values, (Floats{0.25f}));
  EXPECT_EQ(entries[1].values, (Floats{1.5f, -2}));
  EXPECT_EQ(entries[2].key, "c");
  EXPECT_NE(error("a touch " + (folder_.path() / "ran").string() + " |\n").find("never run"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_.path() / "ran"));
  EXPECT_NE(error("a a.ark:2[0:1]\n").find("range"), std::string::npos);
  EXPECT_NE(error("a a.ark:2\nb\n").find("line 2"), std::string::npos);
  EXPECT_NE(error("a a.ark:999\n").find("ends before"), std::string::npos);
  EXPECT_NE(error("a a.ark:3\n"), "accepted");
  EXPECT_NE(error("a none.ark:2\n").find("none.ark"), std::string::npos);
  EXPECT_NE(error("a a.ark:99999999999999999999\n"), "accepted");
  EXPECT_NE(error("a " + folder_.path().string() + "\n"), "accepted") << "a folder";
}

}  // namespace
}  // namespace balr
