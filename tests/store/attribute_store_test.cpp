#include "balr/store/attribute_store.hpp"

#include <gtest/gtest.h>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "sample_rows.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using test::sample_attribute_info;
using test::sample_attributes;
using test::TempDir;

AttributeRows cut(const AttributeRows& rows, std::int64_t begin, std::int64_t end) {
  const auto part = [&](const auto& values, std::int64_t width) {
    return std::decay_t<decltype(values)>(values.begin() + begin * width,
                                          values.begin() + end * width);
  };
  return {rows.attributes, part(rows.bits, attribute_bytes(rows.attributes)), part(rows.ids, 1),
          part(rows.speakers, 1), part(rows.status, 1)};
}

TEST(AttributeStore, ComesBackAsWritten) {
  TempDir folder;
  const fs::path file = folder.path() / "attributes.h5";
  for (std::int64_t attributes : {1, 7, 8, 9, 512}) {
    const AttributeRows rows = sample_attributes(19, attributes);
    write_attribute_store(file, sample_attribute_info(19, attributes), rows);
    const AttributeStore back = read_checked_attribute_store(file);
    EXPECT_EQ(back.rows.bits, rows.bits);
    EXPECT_EQ(back.rows.ids, rows.ids);
    EXPECT_EQ(back.rows.speakers, rows.speakers);
    EXPECT_EQ(back.rows.status, rows.status);
    EXPECT_EQ(back.rows.attributes, attributes);
    EXPECT_EQ(back.info.attributes, attributes);
    EXPECT_EQ(back.info.encoder_sha256, std::string(64, 'e'));
    EXPECT_EQ(back.info.embeddings_sha256, std::string(64, 'f'));
    EXPECT_EQ(back.info.model, "dépôt/modèle " + std::string(64, 'c'));
    EXPECT_TRUE(verify_attribute_store(file).problems.empty());
  }
}

TEST(AttributeStore, SameBytesHoweverDivided) {
  TempDir folder;
  const AttributeRows rows = sample_attributes(40, 21);
  const AttributeInfo info = sample_attribute_info(40, 21);
  write_attribute_store(folder.path() / "a.h5", info, rows);
  for (std::int64_t step : {1, 7, 39}) {
    std::size_t id = 0, speaker = 0;
    for (const std::string& text : rows.ids) id = std::max(id, text.size());
    for (const std::string& text : rows.speakers) speaker = std::max(speaker, text.size());
    AttributeWriter writer(folder.path() / "b.h5", info, 40, static_cast<std::int64_t>(id),
                           static_cast<std::int64_t>(speaker));
    for (std::int64_t at = 0; at < 40; at += step)
      writer.append(cut(rows, at, std::min<std::int64_t>(40, at + step)));
    writer.finish();
    EXPECT_EQ(read_file(folder.path() / "a.h5"), read_file(folder.path() / "b.h5")) << step;
  }
}

TEST(AttributeStore, AnUnfinishedWriterLeavesTheOldStore) {
  TempDir folder;
  const fs::path file = folder.path() / "a.h5";
  write_attribute_store(file, sample_attribute_info(8, 9), sample_attributes(8, 9));
  const std::string before = read_file(file);
  {
    AttributeWriter writer(file, sample_attribute_info(16, 9), 16, 60, 60);
    writer.append(sample_attributes(8, 9));
  }
  EXPECT_EQ(read_file(file), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(AttributeStore, OneKindIsNotTheOther) {
  TempDir folder;
  const fs::path bits = folder.path() / "a.h5", vectors = folder.path() / "e.h5";
  write_attribute_store(bits, sample_attribute_info(8, 9), sample_attributes(8, 9));
  write_store(vectors, test::sample_info(8), test::sample_rows(8, 4));
  EXPECT_TRUE(is_attribute_store(bits));
  EXPECT_FALSE(is_attribute_store(vectors));
  EXPECT_FALSE(is_attribute_store(folder.path() / "absent"));
  EXPECT_THROW(read_store(bits), DataError);
  EXPECT_THROW(read_attribute_store(vectors), DataError);
}

TEST(AttributeStore, ACutFileIsRefused) {
  TempDir folder;
  const fs::path file = folder.path() / "a.h5";
  write_attribute_store(file, sample_attribute_info(80, 64), sample_attributes(80, 64));
  fs::resize_file(file, fs::file_size(file) - 10);
  EXPECT_THROW(read_attribute_store(file), DataError);
}

}  // namespace
}  // namespace balr
