#include "store/column_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little,
              "columns are written as they lie in memory");

ColumnWriter::ColumnWriter(fs::path file, ColumnFileSpec spec)
    : file_(std::move(file)),
      temporary_(temporary_name(file_)),
      spec_(std::move(spec)),
      layout_(lay_out_columns(spec_)),
      sums_(spec_.columns.size()) {
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("create");
  try {
    write(0, std::as_bytes(std::span(layout_.metadata)));
  } catch (...) {
    close(descriptor_);
    unlink(temporary_.c_str());
    throw;
  }
}

ColumnWriter::~ColumnWriter() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!published_) unlink(temporary_.c_str());
}

void ColumnWriter::fail(const char* what) const {
  throw IoError(std::string("cannot ") + what + " " + file_.string() + ": " + std::strerror(errno) +
                " (free some space or choose another folder, then run the command again)");
}

void ColumnWriter::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void ColumnWriter::put(std::span<const std::byte> bytes, std::int64_t count) {
  BALR_CHECK(column_ < layout_.columns.size() && count <= rows_left());
  const auto& place = layout_.columns[column_];
  BALR_CHECK(bytes.size() == place.row_bytes * static_cast<std::uint64_t>(count));
  sums_[column_].update(bytes);
  write(place.offset + place.row_bytes * static_cast<std::uint64_t>(done_), bytes);
  ++column_;
}

void ColumnWriter::put_texts(const std::vector<std::string>& texts, std::int64_t count) {
  BALR_CHECK(column_ < layout_.columns.size());
  const auto width = static_cast<std::size_t>(layout_.columns[column_].row_bytes);
  std::vector<char> packed(texts.size() * width, '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    BALR_CHECK(texts[i].size() <= width);
    std::copy(texts[i].begin(), texts[i].end(),
              packed.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  put(packed, count);
}

void ColumnWriter::next_rows(std::int64_t count) {
  BALR_CHECK(column_ == layout_.columns.size());
  column_ = 0;
  done_ += count;
}

// Over the first ones, now that all rows are known.
void ColumnWriter::write_checksums() {
  std::vector<std::string> texts;
  for (Sha256& sum : sums_) texts.push_back(sum.hex());
  const ColumnLayout last = lay_out_columns(spec_, texts);
  BALR_CHECK(last.metadata.size() == layout_.metadata.size());
  write(0, std::as_bytes(std::span(last.metadata)));
}

void ColumnWriter::finish() {
  BALR_CHECK(rows_left() == 0 && column_ == 0 && !published_);
  write_checksums();
  // Network file systems report a full disk as late as here.
  if (close(std::exchange(descriptor_, -1)) != 0) fail("close");
  publish(temporary_, file_);
  published_ = true;
}

std::size_t widest(const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  return width;
}

}  // namespace balr
