#pragma once
#include "balr/store/embedding_store.hpp"
#include "store/column_file.hpp"

namespace balr {

// An embedding store opened for reading.
class StoreFile : private ColumnFile {
 public:
  explicit StoreFile(const std::filesystem::path& path);

  StoreInfo info() const;
  StoreRows rows(const StoreInfo& info) const;
  // Names of the datasets (and "attributes") whose checksum differs from the one noted for them.
  std::vector<std::string> damaged(const StoreInfo& info) const;
};

}  // namespace balr
