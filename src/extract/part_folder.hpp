#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "balr/data/manifest.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/part_buffer.hpp"

namespace balr {

// The folder of an extraction's finished parts and fragments; each file is a store of its rows, published by rename.
class PartFolder {
 public:
  // `info` is that of the whole input; its identity is what every part must have.
  PartFolder(std::filesystem::path folder, StoreInfo info, const Manifest& manifest, std::int64_t dimension);

  std::int64_t parts() const { return parts_; }
  Range range(std::int64_t part) const;

  // On one rank, before the work: which parts are complete. Creates the folder, removes leftovers of killed writers and files
  // that cannot be read. Throws DataError if parts of another input, model or configuration are there.
  std::vector<bool> scan() const;

  PartBuffer empty(std::int64_t part) const { return {part, range(part), manifest_, dimension_}; }
  // A buffer for the part, with what fragments of earlier runs hold.
  PartBuffer open(std::int64_t part) const;
  // A complete part, or the finished rows of an incomplete one as fragments; replaces the part's older fragments.
  void publish(const PartBuffer& buffer) const;
  Store read(std::int64_t part) const;
  void remove_all() const;

 private:
  std::vector<std::filesystem::path> fragments(std::int64_t part) const;
  void write(const std::filesystem::path& name, const PartBuffer& buffer, Range rows) const;

  std::filesystem::path folder_;
  StoreInfo info_;
  const Manifest& manifest_;
  std::int64_t dimension_, rows_, parts_;
};

}  // namespace balr
