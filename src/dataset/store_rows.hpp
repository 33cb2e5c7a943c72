#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "balr/core/partition.hpp"
#include "balr/data/manifest.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/store/attribute_store.hpp"
#include "balr/store/embedding_store.hpp"

namespace balr {

// One row of an input and where its vector lies.
struct StoreRow {
  std::string id, speaker;
  std::size_t store = 0;  // index into the list's stores
  std::int64_t row = -1;  // of that store; -1: the input says that there is none
};

// The rows of an input, in its order, and the stores that hold their vectors: all of one model and
// dimension. Vectors of other files (.pkl, .txt, .npy, .ark) lie in stores that exist in memory
// only, without model, ids and speakers. Binary attributes are kept as bits, whatever form they
// came in.
struct StoreRowList {
  explicit StoreRowList(VectorKind k) : kind(k) {}

  VectorKind kind;
  std::vector<std::filesystem::path> files;
  std::vector<Store> stores;                     // of embeddings
  std::vector<AttributeStore> attribute_stores;  // of binary attributes
  std::vector<StoreRow> rows;

  bool binary() const { return kind == VectorKind::kBinaryAttributes; }
  std::int64_t dimension() const;  // of a vector; of binary attributes: their number
  std::int64_t rows_in(std::size_t store) const;
  std::uint8_t status(const StoreRow& row) const;  // of a row that is not -1
  // Of a row that has a vector; the one that fits the kind.
  std::span<const float> vector(const StoreRow& row) const;
  const std::uint8_t* bits(const StoreRow& row) const;

  // Index of the store in `file`, read at the first call. Throws DataError for a part of a store, a
  // store of the other kind, and for a second model.
  std::size_t load(const std::filesystem::path& file);
  // Index of a store made of these vectors, `name` for messages; of bits: as in attributes.h5.
  // Throw as load().
  std::size_t add(const std::filesystem::path& name, std::vector<float> values,
                  std::int64_t dimension);
  std::size_t add_bits(const std::filesystem::path& name, std::vector<std::uint8_t> bits,
                       std::int64_t attributes);
  // The .npy matrix in `file` as a store, one row a vector.
  std::size_t load_matrix(const std::filesystem::path& file);

 private:
  std::size_t put(const std::filesystem::path& file, Store store);
  std::size_t put(const std::filesystem::path& file, AttributeStore store);
  std::size_t find(const std::filesystem::path& file) const;  // files.size(): not there
};

// Two of the kinds of input. Throw DataError that says which command helps.
StoreRowList rows_of_store(const std::filesystem::path& store, VectorKind kind);
StoreRowList rows_of_pointer(const Manifest& manifest, VectorKind kind);

}  // namespace balr
