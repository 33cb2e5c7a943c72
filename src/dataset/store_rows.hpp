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
// dimension. Vectors of other files (.pkl, .txt, .npy, .ark) lie in stores that exist in memory
// only, without model, ids and speakers.
struct StoreRowList {
  std::vector<std::filesystem::path> files;
  std::vector<Store> stores;
  std::vector<StoreRow> rows;
  std::int64_t columns = 1;  // of each vector file; 2 for binary attributes of the Python balr

  // Index of the store in `file`, read at the first call. Throws DataError for a part of a store
  // and for a second model.
  std::size_t load(const std::filesystem::path& file);
  // Index of a store made of these vectors, `name` for messages. Throws as load().
  std::size_t add(const std::filesystem::path& name, std::vector<float> values,
                  std::int64_t dimension);
  // The .npy matrix in `file` as a store, one row a vector.
  std::size_t load_matrix(const std::filesystem::path& file);

 private:
  std::size_t put(const std::filesystem::path& file, Store store);
  std::size_t find(const std::filesystem::path& file) const;  // stores.size(): not there
};

// Two of the kinds of input. Throw DataError that says which command helps.
StoreRowList rows_of_store(const std::filesystem::path& store);
StoreRowList rows_of_pointer(const Manifest& manifest);

}  // namespace balr
