#include <algorithm>

#include "store/attribute_format.hpp"
#include "store/column_file.hpp"
#include "store/read_whole.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class AttributeFile : private ColumnFile {
 public:
  explicit AttributeFile(const fs::path& path)
      : ColumnFile(path,
                   {kAttributeFormat, kAttributeVersion, "store of attributes", "balr binarize"}) {}

  AttributeInfo info() const {
    AttributeInfo info;
    for (const auto& [name, member] : kAttributeTexts) info.*member = text_attribute(name);
    for (const auto& [name, member] : kAttributeNumbers) info.*member = number_attribute(name);
    if (info.first_row < 0 || info.total_rows < info.first_row)
      refuse("its attributes total_rows and first_row contradict each other");
    return info;
  }

  AttributeRows rows(const AttributeInfo& info) const {
    const Checked bits = open("attributes", Cell::kUint8, 2, 0);
    const hsize_t count = bits.rows;
    if (count > static_cast<hsize_t>(info.total_rows - info.first_row))
      refuse("it has more rows than its attribute total_rows says");
    // In this order: no overflow for a number that is far too large.
    if (info.attributes < 1 || info.attributes / 8 > static_cast<std::int64_t>(bits.width) ||
        attribute_bytes(info.attributes) != static_cast<std::int64_t>(bits.width))
      refuse("/attributes has another width than its attribute number_of_attributes says");
    const Checked id = open("id", Cell::kText, 1, count);
    const Checked speaker = open("speaker", Cell::kText, 1, count);
    const Checked status = open("status", Cell::kStatus, 1, count);
    AttributeRows out;
    out.attributes = info.attributes;
    read(bits, out.bits);
    out.ids = read_texts(id);
    out.speakers = read_texts(speaker);
    out.status = read_status(status);
    return out;
  }

  std::vector<std::string> damaged(const AttributeInfo& info) const {
    return ColumnFile::damaged(root_attributes(info), attribute_spec(info, 1, 1, 1).columns);
  }
};

// Failed rows, and the bits after the last attribute, are 0.
void check_bits(const AttributeRows& rows, std::vector<std::string>& problems) {
  const auto width = static_cast<std::size_t>(attribute_bytes(rows.attributes));
  const auto last = static_cast<std::uint8_t>(0xFF >> ((rows.attributes + 7) % 8 + 1));
  std::int64_t failed = 0, beyond = 0;
  for (std::size_t row = 0; row < rows.status.size(); ++row) {
    const auto* begin = rows.bits.data() + row * width;
    if (rows.status[row] != 0)
      failed += std::any_of(begin, begin + width, [](std::uint8_t byte) { return byte != 0; });
    beyond += (begin[width - 1] & last) != 0;
  }
  if (failed > 0) problems.push_back(std::to_string(failed) + " rows failed but have attributes");
  if (beyond > 0)
    problems.push_back(std::to_string(beyond) + " rows have bits after the last attribute");
}

}  // namespace

bool is_attribute_store(const fs::path& file) { return format_of(file) == kAttributeFormat; }

AttributeStore read_attribute_store(const fs::path& file) {
  return read_whole<AttributeStore, AttributeFile>(file, false);
}

AttributeStore read_checked_attribute_store(const fs::path& file) {
  return read_whole<AttributeStore, AttributeFile>(file, true);
}

AttributeInfo read_attribute_info(const fs::path& file) { return AttributeFile(file).info(); }

AttributeReport verify_attribute_store(const fs::path& file, bool finished) {
  const AttributeFile store(file);
  AttributeReport out;
  out.info = store.info();
  for (const std::string& name : store.damaged(out.info))
    out.problems.push_back("the checksum of its " + name + " is wrong");
  const AttributeRows rows = store.rows(out.info);
  out.rows = rows.rows();
  for (std::uint8_t status : rows.status) ++out.by_status[status];
  check_bits(rows, out.problems);
  if (finished && (out.info.first_row != 0 || out.rows != out.info.total_rows))
    out.problems.push_back("it has " + std::to_string(out.rows) + " rows, and the input had " +
                           std::to_string(out.info.total_rows));
  return out;
}

}  // namespace balr
