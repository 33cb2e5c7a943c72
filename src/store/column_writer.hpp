#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "balr/core/hash.hpp"
#include "store/column_layout.hpp"

namespace balr {

// Writes a file of columns piece by piece: under a temporary name, then fsynced and renamed. The
// same rows give the same bytes, however they were divided. Destroyed without finish(), it removes
// the temporary file and leaves an older one as it was. Throws IoError; after that only destruction
// is allowed.
class ColumnWriter {
 public:
  ColumnWriter(std::filesystem::path file, ColumnFileSpec spec);
  ~ColumnWriter();
  ColumnWriter(const ColumnWriter&) = delete;
  ColumnWriter& operator=(const ColumnWriter&) = delete;

  std::int64_t rows_left() const { return spec_.rows - done_; }

  // The next `count` rows: column by column in the order of the file, then next_rows().
  void put(std::span<const std::byte> bytes, std::int64_t count);
  template <class T>
  void put(const std::vector<T>& values, std::int64_t count) {
    put(std::as_bytes(std::span(values)), count);
  }
  // No longer than the column's width.
  void put_texts(const std::vector<std::string>& texts, std::int64_t count);
  void next_rows(std::int64_t count);

  void finish();  // after all rows

 private:
  [[noreturn]] void fail(const char* what) const;
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void write_checksums();

  std::filesystem::path file_, temporary_;
  ColumnFileSpec spec_;
  ColumnLayout layout_;
  std::vector<Sha256> sums_;  // of what was written so far
  std::size_t column_ = 0;    // of the next put()
  std::int64_t done_ = 0;
  int descriptor_ = -1;
  bool published_ = false;
};

std::size_t widest(const std::vector<std::string>& texts);  // at least 1

}  // namespace balr
