#include "store/store_file.hpp"

#include "store/store_format.hpp"

namespace balr {

StoreFile::StoreFile(const std::filesystem::path& path)
    : ColumnFile(path, {kFormatName, kFormatVersion, "embedding store", "balr extract"}) {}

StoreInfo StoreFile::info() const {
  StoreInfo info;
  for (const auto& [name, member] : kTextAttributes) info.*member = text_attribute(name);
  for (const auto& [name, member] : kNumberAttributes) info.*member = number_attribute(name);
  if (info.first_row < 0 || info.total_rows < info.first_row)
    refuse("its attributes total_rows and first_row contradict each other");
  return info;
}

StoreRows StoreFile::rows(const StoreInfo& info) const {
  const Checked embeddings = open("embeddings", Cell::kFloat32, 2, 0);
  const hsize_t count = embeddings.rows;
  if (count > static_cast<hsize_t>(info.total_rows - info.first_row))
    refuse("it has more rows than its attribute total_rows says");
  StoreRows out;
  out.dimension = static_cast<std::int64_t>(embeddings.width);
  // All shapes are checked before the first allocation.
  const Checked id = open("id", Cell::kText, 1, count);
  const Checked speaker = open("speaker", Cell::kText, 1, count);
  const Checked status = open("status", Cell::kStatus, 1, count);
  const Checked seconds = open("seconds", Cell::kFloat32, 1, count);
  const Checked source_rate = open("source_rate", Cell::kInt32, 1, count);
  Checked reason, file_size, file_time;
  if (has("reason")) reason = open("reason", Cell::kText, 1, count);
  if (has("file_size")) file_size = open("file_size", Cell::kInt64, 1, count);
  if (has("file_time")) file_time = open("file_time", Cell::kInt64, 1, count);

  read(embeddings, out.embeddings);
  out.ids = read_texts(id);
  out.speakers = read_texts(speaker);
  out.status = read_status(status);
  read(seconds, out.seconds);
  read(source_rate, out.source_rate);
  if (reason.dataset) out.reasons = read_texts(reason);
  if (file_size.dataset) read(file_size, out.file_size);
  if (file_time.dataset) read(file_time, out.file_time);
  return out;
}

std::vector<std::string> StoreFile::damaged(const StoreInfo& info) const {
  StoreShape shape;
  shape.reason_width = has("reason") ? 1 : 0;
  std::vector<Column> columns = store_spec(info, shape).columns;
  for (const char* name : {"file_size", "file_time"})
    if (has(name)) columns.push_back({name, Cell::kInt64});
  return ColumnFile::damaged(root_attributes(info), columns);
}

}  // namespace balr
