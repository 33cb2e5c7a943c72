#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/data/manifest.hpp"
#include "balr/store/embedding_store.hpp"

namespace balr {

// One row of an input and where its vector lies.
struct StoreRow {
  std::string id, speaker;
  std::size_t store = 0;  // index into StoreRowList::stores
  std::int64_t row = -1;  // of that store; -1: the input says that there is none
};

// The rows of an input, in its order, and the stores that hold their vectors: all of one model and
// dimension.
struct StoreRowList {
  std::vector<std::filesystem::path> files;
  std::vector<Store> stores;
  std::vector<StoreRow> rows;

  // Index of the store in `file`, read at the first call. Throws DataError for a part of a store
  // and for a second model.
  std::size_t load(const std::filesystem::path& file);
};

// The three kinds of input. Throw DataError that says which command helps.
StoreRowList rows_of_store(const std::filesystem::path& store);
StoreRowList rows_of_column(const Manifest& manifest, const std::filesystem::path& root);
StoreRowList rows_of_pointer(const Manifest& manifest);

}  // namespace balr
