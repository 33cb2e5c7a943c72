#include "extract/part_folder.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <fstream>
#include <set>

#include "balr/core/error.hpp"
#include "balr/run/parts.hpp"
#include "extract/outputs.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class PartFolderTest : public ::testing::Test {
 protected:
  PartFolderTest() {
    for (int i = 0; i < 20; ++i) {
      const std::string id = "id" + std::to_string(i);
      manifest_.rows.push_back({id, id + ".wav", "/data/" + id + ".wav", "s" + std::to_string(i % 3), ""});
      manifest_.cells.push_back({id, id + ".wav", "x,y"});
    }
    manifest_.header = {"id", "audio", "note"};
    info_.identity = "this run";
    info_.total_rows = 20;
  }
  PartFolder folder() { return {dir_.path() / "parts", info_, manifest_, 2}; }
  static RowResult row(std::int64_t at) {
    RowResult out;
    out.row = at;
    out.file_size = 1000 + at;
    out.file_time = 1'700'000'000'000'000'000 + at;
    if (at == 13) {
      out.status = RowStatus::kDecode;
      out.reason = "broken";
      return out;
    }
    out.status = RowStatus::kOk;
    out.seconds = 1.5;
    out.source_rate = 8000;
    out.embedding = {static_cast<float>(at), static_cast<float>(-at)};
    return out;
  }
  static void publish(const PartFolder& parts, Range rows) {
    PartBuffer buffer = parts.buffer(rows);
    for (const std::int64_t at : buffer.pending()) buffer.put(row(at));
    parts.publish(buffer);
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(dir_.path() / "parts")) out.insert(entry.path().filename().string());
    return out;
  }
  test::TempDir dir_;
  Manifest manifest_;
  StoreInfo info_;
};

TEST_F(PartFolderTest, PartsCoverTheInput) {
  const PartFolder parts = folder();
  ASSERT_EQ(parts.parts(), 3);  // 20 rows in parts of 8
  EXPECT_EQ(parts.range(2), (Range{16, 20}));
  EXPECT_EQ(parts.scan(), (std::vector<Range>{{0, 20}}));
}

TEST_F(PartFolderTest, AStopLeavesFragmentsAndTheRestIsOpen) {
  const PartFolder parts = folder();
  parts.scan();
  PartBuffer first = parts.buffer({8, 16});
  for (const std::int64_t at : {8, 9, 12, 13}) first.put(row(at));
  parts.publish(first);
  EXPECT_EQ(names(), (std::set<std::string>{fragment_file_name(1, {8, 10}), fragment_file_name(1, {12, 14})}));
  EXPECT_EQ(parts.scan(), (std::vector<Range>{{0, 8}, {10, 12}, {14, 20}}));

  // The next run claims pieces of what is open.
  for (const Range& rows : {Range{10, 12}, Range{14, 16}, Range{0, 8}, Range{16, 20}}) publish(parts, rows);
  EXPECT_TRUE(parts.scan().empty());
  EXPECT_TRUE(names().contains(part_file_name(0)));
  EXPECT_TRUE(names().contains(part_file_name(2))) << "the last part is whole, though shorter";
  std::vector<std::int64_t> part_sizes;
  parts.for_each_part([&](const PartBuffer& part) {
    part_sizes.push_back(part.rows().rows());
    if (part.part() != 1) return;
    EXPECT_EQ(part.rows().embeddings[2], 9);
    EXPECT_EQ(part.rows().reasons[5], "broken");
    EXPECT_EQ(part.rows().file_size[3], 1011);
    EXPECT_EQ(part.rows().file_time[3], 1'700'000'000'000'000'011);
  });
  EXPECT_EQ(part_sizes, (std::vector<std::int64_t>{8, 8, 4}));
}

// A run that was displaced, or killed between writing and noting, may leave the same row twice.
TEST_F(PartFolderTest, RowsThatAreThereTwiceCountOnce) {
  const PartFolder parts = folder();
  parts.scan();
  for (const Range& rows : {Range{0, 5}, Range{3, 8}, Range{0, 8}, Range{8, 16}, Range{9, 12}, Range{16, 20}}) publish(parts, rows);
  EXPECT_TRUE(parts.scan().empty());
  std::int64_t rows = 0;
  parts.for_each_part([&](const PartBuffer& part) { rows += part.rows().rows(); });
  EXPECT_EQ(rows, 20);
}

TEST_F(PartFolderTest, LeftoversAreRemovedAndForeignPartsRefused) {
  const PartFolder parts = folder();
  parts.scan();
  std::ofstream(dir_.path() / "parts" / ".part-000000.h5.tmp-x") << "half";
  std::ofstream(dir_.path() / "parts" / "part-000000.h5") << "damaged";
  EXPECT_EQ(parts.scan(), (std::vector<Range>{{0, 20}}));
  EXPECT_TRUE(names().empty());
  publish(parts, {0, 8});
  info_.identity = "another run";
  EXPECT_THROW(folder().scan(), DataError);
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(PartFolderTest, PartsOfAnotherFormatAreRefused) {
  const PartFolder parts = folder();
  parts.scan();
  publish(parts, {0, 8});
  const fs::path file = dir_.path() / "parts" / part_file_name(0);
  hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  hid_t attribute = H5Aopen(id, "format_version", H5P_DEFAULT);
  const std::int64_t version = 99;
  H5Awrite(attribute, H5T_NATIVE_INT64, &version);
  H5Aclose(attribute);
  H5Fclose(id);
  EXPECT_THROW(parts.scan(), DataError);
  EXPECT_TRUE(fs::exists(file));
}

// Bit rot after the scan: found when the parts are put together, and the next run computes the rows again.
TEST_F(PartFolderTest, ADamagedPartIsFoundBeforeItGetsIntoTheStore) {
  const PartFolder parts = folder();
  parts.scan();
  for (const Range& rows : {Range{0, 8}, Range{8, 16}, Range{16, 20}}) publish(parts, rows);
  const fs::path file = dir_.path() / "parts" / part_file_name(1);
  const auto size = fs::file_size(file);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<std::streamoff>(size - 1)).put('\x7f');
  EXPECT_THROW(merge_parts(parts, manifest_, info_, 2, dir_.path()), DataError);
  EXPECT_FALSE(fs::exists(dir_.path() / "embeddings.h5"));
  EXPECT_EQ(parts.scan(), (std::vector<Range>{{8, 16}}));
  publish(parts, {8, 16});
  EXPECT_EQ(merge_parts(parts, manifest_, info_, 2, dir_.path()).rows, 20);
}

TEST_F(PartFolderTest, AMissingRowIsFoundToo) {
  const PartFolder parts = folder();
  parts.scan();
  for (const Range& rows : {Range{0, 8}, Range{8, 15}, Range{16, 20}}) publish(parts, rows);
  EXPECT_THROW(merge_parts(parts, manifest_, info_, 2, dir_.path()), DataError);
}

TEST_F(PartFolderTest, MergeKeepsOrderCountsAndReasons) {
  const PartFolder parts = folder();
  parts.scan();
  for (const Range& rows : {Range{16, 20}, Range{0, 8}, Range{8, 13}, Range{13, 16}}) publish(parts, rows);
  const MergeCounts counts = merge_parts(parts, manifest_, info_, 2, dir_.path());
  EXPECT_EQ(counts.rows, 20);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_DOUBLE_EQ(counts.seconds, 19 * 1.5);
  EXPECT_EQ(counts.low_rate, 19);
  EXPECT_EQ(counts.short_audio, 0);
  EXPECT_EQ(summary(counts), (std::vector<std::string>{
      "1 rows failed (1 decode): see failures.csv",
      "19 rows come from files below 16 kHz, which lack the upper part of the spectrum"}));
  EXPECT_EQ(count_table(counts), (std::map<std::string, std::int64_t>{
      {"below_16_khz", 19}, {"shorter_than_1_s", 0}, {"failed_decode", 1}}));
  EXPECT_EQ(count_rows(dir_.path() / "embeddings.h5").reasons, counts.reasons);
  const Store store = read_store(dir_.path() / "embeddings.h5");
  ASSERT_EQ(store.rows.rows(), 20);
  EXPECT_EQ(store.rows.embeddings[2 * 19], 19);
  EXPECT_TRUE(std::isnan(store.rows.embeddings[2 * 13]));
  EXPECT_TRUE(store.rows.reasons.empty());
  const auto text = [&](const char* name) {
    std::ifstream in(dir_.path() / name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_EQ(text("failures.csv"), "row,id,path,reason\n13,id13,/data/id13.wav,decode: broken\n");
  EXPECT_NE(text("sources.csv").find("id,path,piece,size,time\nid0,/data/id0.wav,,1000,1700000000000000000\n"), std::string::npos);
  const std::string metadata = text("metadata.csv");
  EXPECT_NE(metadata.find("id,audio,note,embedding\nid0,/data/id0.wav,\"x,y\",embeddings.h5#0\n"), std::string::npos);
  EXPECT_NE(metadata.find("id13,/data/id13.wav,\"x,y\",\n"), std::string::npos);
}

}  // namespace
}  // namespace balr
