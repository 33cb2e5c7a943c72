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
  out.file_size = part(rows.file_size, 1);
  out.file_time = part(rows.file_time, 1);
  return out;
}

}  // namespace

PartFolder::PartFolder(fs::path folder, StoreInfo info, const Manifest& manifest, std::int64_t dimension)
    : folder_(std::move(folder)),
      info_(std::move(info)),
      manifest_(manifest),
      dimension_(dimension),
      rows_(static_cast<std::int64_t>(manifest_.rows.size())),
      part_size_(part_rows(rows_)) {}

Range PartFolder::range(std::int64_t part) const {
  return {part * part_size_, std::min(rows_, (part + 1) * part_size_)};
}

std::vector<PartFolder::File> PartFolder::files() const {
  std::vector<File> out;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto name = parse_part_file(entry.path().filename().string());
    if (!name || name->part >= parts()) continue;
    const Range rows = name->complete ? range(name->part) : name->rows;
    const Range part = range(name->part);
    if (rows.begin >= part.begin && rows.begin < rows.end && rows.end <= part.end) out.push_back({entry.path(), rows});
  }
  std::sort(out.begin(), out.end(), [](const File& a, const File& b) {
    return std::pair(a.rows.begin, -a.rows.end) < std::pair(b.rows.begin, -b.rows.end);
  });
  return out;
}

std::vector<Range> PartFolder::scan() const {
  fs::create_directories(folder_);
  for (const auto& entry : std::vector<fs::directory_entry>(fs::directory_iterator(folder_), {}))
    if (entry.path().filename().string().starts_with('.')) fs::remove(entry.path());  // a killed writer's temporary file
  std::vector<Range> open;
  std::int64_t done = 0;  // all rows before it have a file or are in `open`
  for (const File& file : files()) {
    StoreInfo info;
    try {
      info = read_store_info(file.path);
    } catch (const StoreVersionError&) {
      throw;
    } catch (const DataError& error) {
      spdlog::warn("computing the rows of {} again: {}", file.path.string(), error.what());
      fs::remove(file.path);
      continue;
    }
    if (info.identity != info_.identity)
      throw DataError("the parts in " + folder_.string() +
                      " were made from another input, model or configuration: choose another --save-dir, or replace them "
                      "with --force");
    if (file.rows.begin > done) open.push_back({done, file.rows.begin});
    done = std::max(done, file.rows.end);
  }
  if (done < rows_) open.push_back({done, rows_});
  return open;
}

PartBuffer PartFolder::buffer(Range rows) const { return {rows.begin / part_size_, rows, manifest_, dimension_}; }

void PartFolder::write(const PartBuffer& buffer, Range rows) const {
  StoreInfo info = info_;
  info.first_row = rows.begin;
  const std::string name = rows == range(buffer.part()) ? part_file_name(buffer.part()) : fragment_file_name(buffer.part(), rows);
  write_store(folder_ / name, info,
              cut(buffer.rows(), rows.begin - buffer.range().begin, rows.end - buffer.range().begin));
}

void PartFolder::publish(const PartBuffer& buffer) const {
  for (const Range& run : finished_runs(buffer)) write(buffer, run);
}

Store PartFolder::read(const File& file) const {
  std::string problem;
  try {
    Store store = read_checked_store(file.path);
    if (store.info.identity == info_.identity && store.info.first_row == file.rows.begin &&
        store.rows.rows() == file.rows.size() && store.rows.dimension == dimension_)
      return store;
    problem = file.path.string() + " does not hold what its name says";
  } catch (const DataError& error) {
    problem = error.what();
  }
  fs::remove(file.path);
  throw DataError(problem + " (it was removed: run the same command again to compute its rows)");
}

void PartFolder::for_each_part(const std::function<void(const PartBuffer&)>& take) const {
  const std::vector<File> all = files();
  auto file = all.begin();
  for (std::int64_t part = 0; part < parts(); ++part) {
    PartBuffer buffer = this->buffer(range(part));
    for (; file != all.end() && file->rows.begin < range(part).end; ++file)
      if (!buffer.complete()) buffer.put(read(*file));
    if (!buffer.complete())
      throw DataError("rows of part " + std::to_string(part) + " are missing in " + folder_.string() +
                      ": run the same command again to compute them");
    take(buffer);
  }
}

void PartFolder::remove_all() const { fs::remove_all(folder_); }

}  // namespace balr
