#include "balr/store/embedding_store.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "sample_rows.hpp"
#include "store/store_format.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using test::sample_info;
using test::sample_rows;
using test::TempDir;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

StoreRows slice_of(const StoreRows& rows, std::int64_t begin, std::int64_t end) {
  StoreRows out;
  out.dimension = rows.dimension;
  for (std::int64_t i = begin; i < end; ++i) {
    const auto at = static_cast<std::size_t>(i);
    out.embeddings.insert(out.embeddings.end(), rows.embeddings.begin() + i * rows.dimension,
                          rows.embeddings.begin() + (i + 1) * rows.dimension);
    out.ids.push_back(rows.ids[at]);
    out.speakers.push_back(rows.speakers[at]);
    out.status.push_back(rows.status[at]);
    out.seconds.push_back(rows.seconds[at]);
    out.source_rate.push_back(rows.source_rate[at]);
    if (!rows.reasons.empty()) out.reasons.push_back(rows.reasons[at]);
  }
  return out;
}

void expect_same(const StoreRows& a, const StoreRows& b) {
  EXPECT_EQ(a.dimension, b.dimension);
  ASSERT_EQ(a.embeddings.size(), b.embeddings.size());
  EXPECT_EQ(std::memcmp(a.embeddings.data(), b.embeddings.data(), a.embeddings.size() * 4),
            0);  // NaN included
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.speakers, b.speakers);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.seconds, b.seconds);
  EXPECT_EQ(a.source_rate, b.source_rate);
  EXPECT_EQ(a.reasons, b.reasons);
}

TEST(EmbeddingStore, ComesBackAsWritten) {
  TempDir folder;
  StoreRows rows = sample_rows(23, 5);
  rows.ids[4] = "latin1 \xe9\xff";       // not UTF-8: kept as it is
  rows.ids[5] = std::string(4096, 'w');  // the longest that a CSV may hold
  StoreInfo info = sample_info(23);
  info.precision = "";
  write_store(folder.path() / "é.h5", info, rows);
  const Store back = read_store(folder.path() / "é.h5");
  expect_same(back.rows, rows);
  EXPECT_EQ(back.info.model_repo, info.model_repo);
  EXPECT_EQ(back.info.model_name, info.model_name);
  EXPECT_EQ(back.info.model_sha256, info.model_sha256);
  EXPECT_EQ(back.info.features, info.features);
  EXPECT_EQ(back.info.precision, "");
  EXPECT_EQ(back.info.input_hash, info.input_hash);
  EXPECT_EQ(back.info.identity, info.identity);
  EXPECT_EQ(back.info.program_version, info.program_version);
  EXPECT_EQ(back.info.total_rows, 23);
  EXPECT_EQ(back.info.first_row, 0);
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(EmbeddingStore, PartsKeepReasonsAndTheirPlace) {
  TempDir folder;
  StoreRows rows = sample_rows(9, 3);
  for (int i = 0; i < 9; ++i)
    rows.reasons.push_back(i % 8 ? "broken frame " + std::to_string(i) : "");
  StoreInfo info = sample_info(100);
  info.first_row = 91;
  write_store(folder.path() / "part.h5", info, rows);
  const Store back = read_store(folder.path() / "part.h5");
  expect_same(back.rows, rows);
  EXPECT_EQ(back.info.first_row, 91);
  EXPECT_EQ(read_store_info(folder.path() / "part.h5").total_rows, 100);
}

TEST(EmbeddingStore, SameBytesHoweverDivided) {
  TempDir folder;
  const StoreRows rows = sample_rows(31, 7);
  write_store(folder.path() / "whole.h5", sample_info(31), rows);
  const std::string whole = read_file(folder.path() / "whole.h5");
  std::size_t id_width = 0, speaker_width = 0;
  for (const auto& text : rows.ids) id_width = std::max(id_width, text.size());
  for (const auto& text : rows.speakers) speaker_width = std::max(speaker_width, text.size());
  for (std::int64_t step : {1, 8, 30}) {
    const fs::path file = folder.path() / "pieces.h5";
    StoreWriter writer(file, sample_info(31), 31, 7, static_cast<std::int64_t>(id_width),
                       static_cast<std::int64_t>(speaker_width));
    for (std::int64_t at = 0; at < 31; at += step)
      writer.append(slice_of(rows, at, std::min<std::int64_t>(31, at + step)));
    writer.finish();
    EXPECT_TRUE(read_file(file) == whole) << "step " << step;
  }
}

TEST(EmbeddingStore, AnUnfinishedWriterLeavesTheOldStore) {
  TempDir folder;
  const fs::path file = folder.path() / "embeddings.h5";
  write_store(file, sample_info(2), sample_rows(2, 4));
  const std::string old = read_file(file);
  {
    StoreWriter writer(file, sample_info(3), 3, 4, 40, 40);
    writer.append(sample_rows(2, 4));
    EXPECT_EQ(files_in(folder.path()), 2u);
    EXPECT_THROW(writer.finish(), InternalError);                   // a row is missing
    EXPECT_THROW(writer.append(sample_rows(2, 4)), InternalError);  // one too many
    EXPECT_THROW(writer.append(sample_rows(1, 5)), InternalError);  // another dimension
  }
  EXPECT_EQ(files_in(folder.path()), 1u);
  EXPECT_TRUE(read_file(file) == old);
}

TEST(EmbeddingStore, LongAttributesComeBack) {
  TempDir folder;
  StoreInfo info = sample_info(2);
  info.features = std::string(20'000, 'f');
  info.model_repo = std::string(50'000, 'r');
  write_store(folder.path() / "x.h5", info, sample_rows(2, 3));
  const Store back = read_store(folder.path() / "x.h5");
  EXPECT_EQ(back.info.features, info.features);
  EXPECT_EQ(back.info.model_repo, info.model_repo);
  expect_same(back.rows, sample_rows(2, 3));
  info.model_repo = std::string(70'000, 'r');
  EXPECT_THROW(write_store(folder.path() / "y.h5", info, sample_rows(2, 3)), IoError);
}

TEST(EmbeddingStore, LayoutOfAnyShapeTakesLittleMemory) {
  for (std::int64_t rows : {std::int64_t{1}, std::int64_t{1'128'245}, std::int64_t{1} << 40}) {
    const ColumnLayout layout =
        lay_out_columns(store_spec(sample_info(rows), {rows, 256, 60, 7, 0}));
    EXPECT_LT(layout.metadata.size(), 64u << 10);
    std::uint64_t at = layout.metadata.size();
    std::uint64_t row_bytes = 0;
    for (const auto& place : layout.columns) {  // in order, without gaps or overlaps
      EXPECT_EQ(place.offset, at);
      at += place.row_bytes * static_cast<std::uint64_t>(rows);
      row_bytes += place.row_bytes;
    }
    EXPECT_EQ(row_bytes, 256u * 4 + 60 + 7 + 1 + 4 + 4);
  }
}

TEST(EmbeddingStore, RefusesToCutTexts) {
  TempDir folder;
  StoreWriter writer(folder.path() / "x.h5", sample_info(1), 1, 4, 3, 1);
  StoreRows rows = sample_rows(1, 4);
  rows.ids[0] = "four";
  EXPECT_THROW(writer.append(rows), InternalError);
}

TEST(EmbeddingStore, RefusesPendingRows) {
  TempDir folder;
  StoreRows rows = sample_rows(2, 4);
  rows.status[1] = 255;
  write_store(folder.path() / "x.h5", sample_info(2), rows);
  EXPECT_THROW(read_store(folder.path() / "x.h5"), DataError);
}

TEST(EmbeddingStore, RefusesWhatIsNoStore) {
  TempDir folder;
  EXPECT_THROW(read_store(folder.path() / "absent.h5"), IoError);
  EXPECT_THROW(read_store(folder.path()), DataError);
  std::ofstream(folder.path() / "empty.h5").flush();
  EXPECT_THROW(read_store(folder.path() / "empty.h5"), DataError);
  std::ofstream(folder.path() / "text.h5") << "id,audio\na,a.wav\n";
  EXPECT_THROW(read_store_info(folder.path() / "text.h5"), DataError);
}

TEST(EmbeddingStore, RefusesACutFile) {
  TempDir folder;
  const fs::path file = folder.path() / "x.h5";
  write_store(file, sample_info(50), sample_rows(50, 16));
  const auto size = fs::file_size(file);
  ASSERT_EQ(read_store(file).rows.rows(), 50);
  for (const auto kept : {size - 1, size / 2, std::uintmax_t{600}, std::uintmax_t{8}}) {
    fs::resize_file(file, kept);
    EXPECT_THROW(read_store(file), DataError) << kept << " of " << size;
  }
}

}  // namespace
}  // namespace balr
