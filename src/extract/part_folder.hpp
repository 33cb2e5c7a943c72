#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "balr/data/manifest.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/part_buffer.hpp"

namespace balr {

// The folder of an extraction's finished rows: a file for each whole part, and fragments of parts of which pieces were claimed
// by several ranks or that a stop interrupted. Each file is a store of its rows, published by rename and never changed. Nothing
// is listed while the work goes on: once before it, and once when the parts are put together.
class PartFolder {
 public:
  // `info` is that of the whole input; its identity is what every part must have.
  PartFolder(std::filesystem::path folder, StoreInfo info, const Manifest& manifest, std::int64_t dimension);

  const std::filesystem::path& path() const { return folder_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t part_size() const { return part_size_; }
  std::int64_t parts() const { return (rows_ + part_size_ - 1) / part_size_; }
  Range range(std::int64_t part) const;

  // On one rank, before the work: the rows that no file has, in order. Creates the folder, removes leftovers of killed writers
  // and files that cannot be read. Throws DataError if parts of another input, model or configuration are there.
  std::vector<Range> scan() const;

  // An empty buffer for rows within one part.
  PartBuffer buffer(Range rows) const;
  // The finished rows, in as few files as possible.
  void publish(const PartBuffer& buffer) const;

  // On one rank, after the work: all parts in order, each complete. A file that is damaged is removed and DataError thrown: the
  // next run computes its rows again.
  void for_each_part(const std::function<void(const PartBuffer&)>& take) const;
  void remove_all() const;

 private:
  struct File {
    std::filesystem::path path;
    Range rows;
  };
  std::vector<File> files() const;  // by first row
  void write(const PartBuffer& buffer, Range rows) const;
  Store read(const File& file) const;

  std::filesystem::path folder_;
  StoreInfo info_;
  const Manifest& manifest_;
  std::int64_t dimension_, rows_, part_size_;
};

}  // namespace balr
