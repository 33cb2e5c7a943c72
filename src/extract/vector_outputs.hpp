#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/data/manifest.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/dataset/vector_file_names.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/row_engine.hpp"

namespace balr {

// Note on rows that were not computed; the summary counts them.
constexpr const char* kTakenNote = "taken from vector files";

// The vector files of an extraction (embeddings.format=pkl, txt), where and named as the Python
// balr keeps them: beside the audio, or below a folder, in the folders of the audio below what is
// common to all.
class VectorOutputs {
 public:
  // `folder` empty: beside the audio. Throws DataError if two rows would share a file.
  VectorOutputs(const Manifest& manifest, VectorFormat format, std::filesystem::path folder);

  // Absolute; empty for a row without audio.
  const std::string& file(std::int64_t row) const { return names_.file(row); }
  // What a metadata.csv in `folder` says: relative if the file lies below it.
  std::string cell(std::int64_t row, const std::filesystem::path& folder) const {
    return names_.cell(row, folder);
  }

  // The files of these consecutive rows that have an embedding; makes their folders. Throws
  // IoError.
  void write(std::int64_t first_row, const StoreRows& rows) const;

  // The row, if it has a vector already: in the column `embedding`, beside its audio, or where it
  // would be written. Files that cannot be read are as if absent. Throws DataError for one of
  // another dimension.
  std::optional<RowResult> find(std::int64_t row, const std::filesystem::path& root,
                                std::int64_t dimension) const;

 private:
  std::optional<std::filesystem::path> existing(std::int64_t row,
                                                const std::filesystem::path& root) const;

  const Manifest& manifest_;
  VectorFormat format_;
  VectorFileNames names_;
};

}  // namespace balr
