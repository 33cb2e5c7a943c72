#include "extract/part_folder.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/run/parts.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Maximal runs of finished rows, as ranges of input rows.
std::vector<Range> finished_runs(const PartBuffer& buffer) {
  std::vector<Range> runs;
  const auto& status = buffer.rows().status;
  for (std::int64_t row = buffer.range().begin; row < buffer.range().end; ++row) {
    if (status[static_cast<std::size_t>(row - buffer.range().begin)] == static_cast<std::uint8_t>(RowStatus::kPending))
      continue;
    if (!runs.empty() && runs.back().end == row) {
      ++runs.back().end;
    } else {
      runs.push_back({row, row + 1});
    }
  }
  return runs;
}

StoreRows cut(const StoreRows& rows, std::int64_t begin, std::int64_t end) {
  const auto part = [&](const auto& values, std::int64_t width) {
    using Values = std::decay_t<decltype(values)>;
    return values.empty() ? Values{} : Values(values.begin() + begin * width, values.begin() + end * width);
  };
  StoreRows out;
  out.dimension = rows.dimension;
  out.embeddings = part(rows.embeddings, rows.dimension);
  out.ids = part(rows.ids, 1);
  out.speakers = part(rows.speakers, 1);
  out.status = part(rows.status, 1);
  out.seconds = part(rows.seconds, 1);
  out.source_rate = part(rows.source_rate, 1);
  out.reasons = part(rows.reasons, 1);
  return out;
}

}  // namespace

PartFolder::PartFolder(fs::path folder, StoreInfo info, const Manifest& manifest, std::int64_t dimension)
    : folder_(std::move(folder)),
      info_(std::move(info)),
      manifest_(manifest),
      dimension_(dimension),
      rows_(static_cast<std::int64_t>(manifest.rows.size())),
      parts_((rows_ + part_rows(rows_) - 1) / part_rows(rows_)) {}

Range PartFolder::range(std::int64_t part) const {
  const std::int64_t size = part_rows(rows_);
  return {part * size, std::min(rows_, (part + 1) * size)};
}

std::vector<bool> PartFolder::scan() const {
  fs::create_directories(folder_);
  std::vector<bool> done(static_cast<std::size_t>(parts_), false);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_)) files.push_back(entry.path());
  for (const fs::path& file : files) {
    if (file.filename().string().starts_with('.')) {  // a killed writer's temporary file
      fs::remove(file);
      continue;
    }
    const auto name = parse_part_file(file.filename().string());
    if (!name) continue;
    StoreInfo info;
    try {
      info = read_store_info(file);
    } catch (const Error& error) {
      spdlog::warn("computing the rows of {} again: {}", file.string(), error.what());
      fs::remove(file);
      continue;
    }
    if (info.identity != info_.identity)
      throw DataError("the parts in " + folder_.string() +
                      " were made from another input, model or configuration: choose another --save-dir, or replace them "
                      "with --force");
    if (name->complete && name->part < parts_) done[static_cast<std::size_t>(name->part)] = true;
  }
  return done;
}

std::vector<fs::path> PartFolder::fragments(std::int64_t part) const {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto name = parse_part_file(entry.path().filename().string());
    if (name && !name->complete && name->part == part) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

PartBuffer PartFolder::open(std::int64_t part) const {
  PartBuffer buffer = empty(part);
  for (const fs::path& file : fragments(part)) {
    const Store store = read_store(file);
    if (store.info.identity == info_.identity) buffer.put(store);
  }
  return buffer;
}

void PartFolder::write(const fs::path& name, const PartBuffer& buffer, Range rows) const {
  StoreInfo info = info_;
  info.first_row = rows.begin;
  write_store(folder_ / name, info,
              cut(buffer.rows(), rows.begin - buffer.range().begin, rows.end - buffer.range().begin));
}

void PartFolder::publish(const PartBuffer& buffer) const {
  const auto old = fragments(buffer.part());
  std::vector<fs::path> written;
  if (buffer.complete()) {
    write(part_file_name(buffer.part()), buffer, buffer.range());
  } else {
    for (const Range& run : finished_runs(buffer)) {
      written.push_back(folder_ / fragment_file_name(buffer.part(), run));
      write(written.back().filename(), buffer, run);
    }
  }
  for (const fs::path& file : old)
    if (std::find(written.begin(), written.end(), file) == written.end()) fs::remove(file);
}

Store PartFolder::read(std::int64_t part) const {
  Store store = read_store(folder_ / part_file_name(part));
  if (store.info.identity != info_.identity || store.rows.rows() != range(part).size())
    throw DataError((folder_ / part_file_name(part)).string() + " does not belong to this run: remove it and run again");
  return store;
}

void PartFolder::remove_all() const { fs::remove_all(folder_); }

}  // namespace balr
