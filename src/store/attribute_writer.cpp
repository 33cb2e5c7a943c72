#include <algorithm>

#include "balr/core/error.hpp"
#include "store/attribute_format.hpp"
#include "store/column_writer.hpp"

namespace balr {

namespace fs = std::filesystem;

std::vector<RootAttribute> root_attributes(const AttributeInfo& info) {
  std::vector<RootAttribute> out = {{"format", kAttributeFormat},
                                    {"format_version", kAttributeVersion}};
  for (const auto& [name, member] : kAttributeTexts) out.push_back({name, info.*member});
  for (const auto& [name, member] : kAttributeNumbers) out.push_back({name, info.*member});
  return out;
}

ColumnFileSpec attribute_spec(const AttributeInfo& info, std::int64_t rows, std::size_t id_width,
                              std::size_t speaker_width) {
  const auto bytes = static_cast<std::size_t>(attribute_bytes(info.attributes));
  return {root_attributes(info),
          rows,
          {{"attributes", Cell::kUint8, bytes, true},
           {"id", Cell::kText, std::max<std::size_t>(1, id_width)},
           {"speaker", Cell::kText, std::max<std::size_t>(1, speaker_width)},
           {"status", Cell::kStatus}}};
}

struct AttributeWriter::State {
  std::int64_t attributes;
  ColumnWriter columns;
};

AttributeWriter::AttributeWriter(const fs::path& file, const AttributeInfo& info, std::int64_t rows,
                                 std::int64_t id_width, std::int64_t speaker_width) {
  BALR_CHECK(rows >= 1 && info.attributes >= 1 && id_width >= 0 && speaker_width >= 0);
  BALR_CHECK(info.first_row >= 0 && info.total_rows - info.first_row >= rows);
  state_.reset(
      new State{info.attributes,
                ColumnWriter(file, attribute_spec(info, rows, static_cast<std::size_t>(id_width),
                                                  static_cast<std::size_t>(speaker_width)))});
}

AttributeWriter::~AttributeWriter() = default;

void AttributeWriter::append(const AttributeRows& rows) {
  BALR_CHECK(rows.attributes == state_->attributes);
  ColumnWriter& out = state_->columns;
  const std::int64_t count = rows.rows();
  out.put(rows.bits, count);
  out.put_texts(rows.ids, count);
  out.put_texts(rows.speakers, count);
  out.put(rows.status, count);
  out.next_rows(count);
}

void AttributeWriter::finish() { state_->columns.finish(); }

void write_attribute_store(const fs::path& file, const AttributeInfo& info,
                           const AttributeRows& rows) {
  AttributeWriter writer(file, info, rows.rows(), static_cast<std::int64_t>(widest(rows.ids)),
                         static_cast<std::int64_t>(widest(rows.speakers)));
  writer.append(rows);
  writer.finish();
}

}  // namespace balr
