#include "extract/part_folder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

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
  static void fill(PartBuffer& buffer) {
    for (const std::int64_t at : buffer.pending()) buffer.put(row(at));
  }
  test::TempDir dir_;
  Manifest manifest_;
  StoreInfo info_;
};

TEST_F(PartFolderTest, PartsCoverTheInput) {
  const PartFolder parts = folder();
  ASSERT_EQ(parts.parts(), 3);  // 20 rows in parts of 8
  EXPECT_EQ(parts.range(2), (Range{16, 20}));
}

TEST_F(PartFolderTest, FragmentsAreTakenOverAndReplaced) {
  const PartFolder parts = folder();
  EXPECT_EQ(parts.scan(), (std::vector<bool>{false, false, false}));
  PartBuffer first = parts.open(1);
  for (const std::int64_t at : {8, 9, 12, 13}) first.put(row(at));
  parts.publish(first);
  EXPECT_TRUE(fs::exists(dir_.path() / "parts" / fragment_file_name(1, {8, 10})));
  EXPECT_TRUE(fs::exists(dir_.path() / "parts" / fragment_file_name(1, {12, 14})));
  EXPECT_EQ(parts.scan(), (std::vector<bool>{false, false, false}));

  PartBuffer second = parts.open(1);
  EXPECT_EQ(second.pending(), (std::vector<std::int64_t>{10, 11, 14, 15}));
  fill(second);
  parts.publish(second);
  EXPECT_EQ(parts.scan(), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path() / "parts"), {}), 1);
  const Store store = parts.read(1);
  EXPECT_EQ(store.rows.embeddings[2], 9);
  EXPECT_EQ(store.rows.reasons[5], "broken");
}

TEST_F(PartFolderTest, LeftoversAreRemovedAndForeignPartsRefused) {
  const PartFolder parts = folder();
  parts.scan();
  std::ofstream(dir_.path() / "parts" / ".part-000000.h5.tmp-x") << "half";
  std::ofstream(dir_.path() / "parts" / "part-000000.h5") << "damaged";
  EXPECT_EQ(parts.scan()[0], false);
  EXPECT_TRUE(fs::is_empty(dir_.path() / "parts"));
  PartBuffer buffer = parts.open(0);
  fill(buffer);
  parts.publish(buffer);
  info_.identity = "another run";
  EXPECT_THROW(folder().scan(), DataError);
}

TEST_F(PartFolderTest, MergeKeepsOrderCountsAndReasons) {
  const PartFolder parts = folder();
  parts.scan();
  for (const std::int64_t part : {2, 0, 1}) {
    PartBuffer buffer = parts.open(part);
    fill(buffer);
    parts.publish(buffer);
  }
  const MergeCounts counts = merge_parts(parts, manifest_, info_, 2, dir_.path());
  EXPECT_EQ(counts.rows, 20);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_DOUBLE_EQ(counts.seconds, 19 * 1.5);
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
  const std::string metadata = text("metadata.csv");
  EXPECT_NE(metadata.find("id,audio,note,embedding\nid0,/data/id0.wav,\"x,y\",embeddings.h5#0\n"), std::string::npos);
  EXPECT_NE(metadata.find("id13,/data/id13.wav,\"x,y\",\n"), std::string::npos);
}

}  // namespace
}  // namespace balr
