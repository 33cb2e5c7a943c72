#include "binarize/attribute_parts.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/run/parts.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

Range part_range(std::int64_t part, std::int64_t part_size, std::int64_t rows) {
  return {part * part_size, std::min(rows, (part + 1) * part_size)};
}

}  // namespace

AttributeParts::AttributeParts(fs::path folder, AttributeInfo info)
    : folder_(std::move(folder)), info_(std::move(info)) {}

std::vector<AttributeParts::File> AttributeParts::files() const {
  std::vector<File> out;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto name = parse_part_file(entry.path().filename().string());
    if (!name || name->part < 0 || name->part > info_.total_rows / part_size()) continue;
    const Range part = part_range(name->part, part_size(), info_.total_rows);
    const Range rows = name->complete ? part : name->rows;
    if (rows.begin >= part.begin && rows.begin < rows.end && rows.end <= part.end)
      out.push_back({entry.path(), rows});
  }
  std::sort(out.begin(), out.end(), [](const File& a, const File& b) {
    return std::pair(a.rows.begin, -a.rows.end) < std::pair(b.rows.begin, -b.rows.end);
  });
  return out;
}

std::vector<Range> AttributeParts::scan() const {
  fs::create_directories(folder_);
  for (const auto& entry : std::vector<fs::directory_entry>(fs::directory_iterator(folder_), {}))
    if (entry.path().filename().string().starts_with('.'))
      fs::remove(entry.path());  // a killed writer's temporary file
  std::vector<Range> open;
  std::int64_t done = 0;  // all rows before it have a file or are in `open`
  for (const File& file : files()) {
    AttributeInfo info;
    try {
      info = read_attribute_info(file.path);
    } catch (const StoreVersionError&) {
      throw;
    } catch (const DataError& error) {
      spdlog::warn("encoding the rows of {} again: {}", file.path.string(), error.what());
      fs::remove(file.path);
      continue;
    }
    if (info.identity != info_.identity)
      throw DataError("the parts in " + folder_.string() +
                      " were made from other embeddings or by another auto-encoder: choose another "
                      "--save-dir, or replace them with --force");
    if (file.rows.begin > done) open.push_back({done, file.rows.begin});
    done = std::max(done, file.rows.end);
  }
  if (done < info_.total_rows) open.push_back({done, info_.total_rows});
  return open;
}

void AttributeParts::publish(Range rows, const AttributeRows& content) const {
  AttributeInfo info = info_;
  info.first_row = rows.begin;
  const std::int64_t part = rows.begin / part_size();
  const bool whole = rows == part_range(part, part_size(), info_.total_rows);
  write_attribute_store(folder_ / (whole ? part_file_name(part) : fragment_file_name(part, rows)),
                        info, content);
}

void AttributeParts::for_each(const std::function<void(const AttributeRows&)>& take) const {
  std::int64_t done = 0;
  for (const File& file : files()) {
    if (file.rows.end <= done) continue;  // a larger file has its rows
    if (file.rows.begin != done) break;
    std::string problem;
    try {
      const AttributeStore store = read_checked_attribute_store(file.path);
      if (store.info.identity == info_.identity && store.info.first_row == done &&
          store.rows.rows() == file.rows.size() && store.rows.attributes == info_.attributes) {
        take(store.rows);
        done = file.rows.end;
        continue;
      }
      problem = file.path.string() + " does not hold what its name says";
    } catch (const DataError& error) {
      problem = error.what();
    }
    fs::remove(file.path);
    throw DataError(problem + " (it was removed: run the same command again to encode its rows)");
  }
  if (done < info_.total_rows)
    throw DataError("rows from " + std::to_string(done) + " are missing in " + folder_.string() +
                    ": run the same command again to encode them");
}

void AttributeParts::remove_all() const { fs::remove_all(folder_); }

}  // namespace balr
