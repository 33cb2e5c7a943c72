#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/store/embedding_store.hpp"
#include "store/column_writer.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::size_t at_least_one(std::int64_t width) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, width));
}

}  // namespace

struct StoreWriter::State {
  StoreShape shape;
  ColumnWriter columns;
};

StoreWriter::StoreWriter(const fs::path& file, const StoreInfo& info, std::int64_t rows,
                         std::int64_t dimension, std::int64_t id_width, std::int64_t speaker_width,
                         std::int64_t reason_width, bool files) {
  BALR_CHECK(rows >= 1 && dimension >= 1 && reason_width >= 0);
  BALR_CHECK(info.first_row >= 0 && info.total_rows - info.first_row >= rows);
  const StoreShape shape = {rows,
                            dimension,
                            at_least_one(id_width),
                            at_least_one(speaker_width),
                            static_cast<std::size_t>(reason_width),
                            files};
  state_.reset(new State{shape, ColumnWriter(file, store_spec(info, shape))});
}

StoreWriter::~StoreWriter() = default;

void StoreWriter::append(const StoreRows& rows) {
  const StoreShape& shape = state_->shape;
  ColumnWriter& out = state_->columns;
  const std::int64_t count = rows.rows();
  BALR_CHECK(rows.dimension == shape.dimension && count <= out.rows_left());
  BALR_CHECK(shape.reason_width > 0 || rows.reasons.empty());
  BALR_CHECK(shape.files || (rows.file_size.empty() && rows.file_time.empty()));
  out.put(rows.embeddings, count);
  out.put_texts(rows.ids, count);
  out.put_texts(rows.speakers, count);
  out.put(rows.status, count);
  out.put(rows.seconds, count);
  out.put(rows.source_rate, count);
  if (shape.reason_width > 0) out.put_texts(rows.reasons, count);
  if (shape.files) out.put(rows.file_size, count);
  if (shape.files) out.put(rows.file_time, count);
  out.next_rows(count);
}

void StoreWriter::finish() { state_->columns.finish(); }

void write_store(const fs::path& file, const StoreInfo& info, const StoreRows& rows) {
  const auto width = [](const std::vector<std::string>& texts) {
    return static_cast<std::int64_t>(widest(texts));
  };
  StoreWriter writer(file, info, rows.rows(), rows.dimension, width(rows.ids), width(rows.speakers),
                     rows.reasons.empty() ? 0 : width(rows.reasons), !rows.file_size.empty());
  writer.append(rows);
  writer.finish();
}

}  // namespace balr
