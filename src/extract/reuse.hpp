#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "balr/data/manifest.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/row_engine.hpp"

namespace balr {

// sources.csv beside a store: id, path, size and time (ns since 1970) of each file as it was read, and which piece of it. In the
// order of the store's rows. Not in the store itself: stores of the same audio are the same bytes everywhere.
std::string source_header();
std::string source_line(const Utterance& utterance, std::int64_t size, std::int64_t time);

// Rows of an older extraction, of a CSV to which rows were added, say.
class Reuse {
 public:
  // Opens <folder>/embeddings.h5 and sources.csv. Throws DataError if the store was made by another model or configuration than
  // `recipe` says, or is not there.
  Reuse(const std::filesystem::path& folder, const std::string& recipe);

  // The older row of the same id, path, piece, size and time, if its embedding is there.
  std::optional<RowResult> find(const Manifest& manifest, std::int64_t row) const;

 private:
  Store store_;
  std::unordered_map<std::string, std::int64_t> row_of_;  // by source_line(): rows that are ok
};

}  // namespace balr
