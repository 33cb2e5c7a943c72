#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "balr/core/partition.hpp"
#include "balr/store/attribute_store.hpp"

namespace balr {

// The folder of finished rows: a store of attributes for each range of rows that a rank has
// claimed, published by rename and never changed.
class AttributeParts {
 public:
  // `info` is that of the whole input; its identity is what every part must have.
  AttributeParts(std::filesystem::path folder, AttributeInfo info);

  std::int64_t part_size() const { return part_rows(info_.total_rows); }

  // On one rank, before the work: the rows that no file has, in order. Creates the folder, removes
  // leftovers of killed writers and files that cannot be read. Throws DataError if parts of another
  // run are there.
  std::vector<Range> scan() const;
  void publish(Range rows, const AttributeRows& content) const;
  // On one rank, after the work: all rows in order. A file that is damaged is removed and DataError
  // thrown: the next run encodes its rows again.
  void for_each(const std::function<void(const AttributeRows&)>& take) const;
  void remove_all() const;

 private:
  struct File {
    std::filesystem::path path;
    Range rows;
  };
  std::vector<File> files() const;  // by first row

  std::filesystem::path folder_;
  AttributeInfo info_;
};

}  // namespace balr
