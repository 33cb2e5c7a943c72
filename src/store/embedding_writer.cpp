#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/store/embedding_store.hpp"
#include "store/store_layout.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little,
              "columns are written as they lie in memory");

std::size_t widest(const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  return width;
}

std::size_t at_least_one(std::int64_t width) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, width));
}

}  // namespace

struct StoreWriter::State {
  fs::path file, temporary;
  StoreInfo info;
  StoreShape shape;
  StoreLayout layout;
  std::array<Sha256, kColumns> sums;  // of what was written so far
  std::int64_t done = 0;
  int descriptor = -1;
  bool published = false;

  ~State() {
    if (descriptor >= 0) close(descriptor);
    if (!published) unlink(temporary.c_str());
  }

  [[noreturn]] void fail(const char* what) const {
    throw IoError(std::string("cannot ") + what + " " + file.string() + ": " +
                  std::strerror(errno) +
                  " (free some space or choose another folder, then run the command again)");
  }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count =
          pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("write");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  template <class T>
  void write_column(Column column, const std::vector<T>& values, std::int64_t count) {
    const auto& place = layout.columns[static_cast<std::size_t>(column)];
    const auto bytes = std::as_bytes(std::span(values));
    BALR_CHECK(bytes.size() == place.row_bytes * static_cast<std::uint64_t>(count));
    sums[static_cast<std::size_t>(column)].update(bytes);
    write(place.offset + place.row_bytes * static_cast<std::uint64_t>(done), bytes);
  }

  void write_texts(Column column, const std::vector<std::string>& texts, std::int64_t count) {
    const auto width =
        static_cast<std::size_t>(layout.columns[static_cast<std::size_t>(column)].row_bytes);
    std::vector<char> packed(texts.size() * width, '\0');
    for (std::size_t i = 0; i < texts.size(); ++i) {
      BALR_CHECK(texts[i].size() <= width);
      std::copy(texts[i].begin(), texts[i].end(),
                packed.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    write_column(column, packed, count);
  }

  // Over the first ones, now that all rows are known.
  void write_checksums() {
    ColumnSums texts;
    for (std::size_t i = 0; i < kColumns; ++i) texts[i] = sums[i].hex();
    const StoreLayout last = lay_out_store(info, shape, texts);
    BALR_CHECK(last.metadata.size() == layout.metadata.size());
    write(0, std::as_bytes(std::span(last.metadata)));
  }
};

StoreWriter::StoreWriter(const fs::path& file, const StoreInfo& info, std::int64_t rows,
                         std::int64_t dimension, std::int64_t id_width, std::int64_t speaker_width,
                         std::int64_t reason_width, bool files)
    : state_(std::make_unique<State>()) {
  BALR_CHECK(rows >= 1 && dimension >= 1 && reason_width >= 0);
  BALR_CHECK(info.first_row >= 0 && info.total_rows - info.first_row >= rows);
  state_->file = file;
  state_->temporary = temporary_name(file);
  state_->info = info;
  state_->shape = {rows,
                   dimension,
                   at_least_one(id_width),
                   at_least_one(speaker_width),
                   static_cast<std::size_t>(reason_width),
                   files};
  state_->layout = lay_out_store(info, state_->shape);
  state_->descriptor =
      open(state_->temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (state_->descriptor < 0) state_->fail("create");
  state_->write(0, std::as_bytes(std::span(state_->layout.metadata)));
}

StoreWriter::~StoreWriter() = default;

void StoreWriter::append(const StoreRows& rows) {
  State& state = *state_;
  const std::int64_t count = rows.rows();
  BALR_CHECK(rows.dimension == state.shape.dimension && count <= state.shape.rows - state.done);
  state.write_column(Column::kEmbeddings, rows.embeddings, count);
  state.write_texts(Column::kId, rows.ids, count);
  state.write_texts(Column::kSpeaker, rows.speakers, count);
  state.write_column(Column::kStatus, rows.status, count);
  state.write_column(Column::kSeconds, rows.seconds, count);
  state.write_column(Column::kSourceRate, rows.source_rate, count);
  if (state.shape.reason_width > 0) {
    state.write_texts(Column::kReason, rows.reasons, count);
  } else {
    BALR_CHECK(rows.reasons.empty());
  }
  if (state.shape.files) {
    state.write_column(Column::kFileSize, rows.file_size, count);
    state.write_column(Column::kFileTime, rows.file_time, count);
  } else {
    BALR_CHECK(rows.file_size.empty() && rows.file_time.empty());
  }
  state.done += count;
}

void StoreWriter::finish() {
  State& state = *state_;
  BALR_CHECK(state.done == state.shape.rows && !state.published);
  state.write_checksums();
  // Network file systems report a full disk as late as here.
  if (close(std::exchange(state.descriptor, -1)) != 0) state.fail("close");
  publish(state.temporary, state.file);
  state.published = true;
}

void write_store(const fs::path& file, const StoreInfo& info, const StoreRows& rows) {
  const auto width = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  StoreWriter writer(file, info, rows.rows(), rows.dimension, width(widest(rows.ids)),
                     width(widest(rows.speakers)),
                     rows.reasons.empty() ? 0 : width(widest(rows.reasons)),
                     !rows.file_size.empty());
  writer.append(rows);
  writer.finish();
}

}  // namespace balr
