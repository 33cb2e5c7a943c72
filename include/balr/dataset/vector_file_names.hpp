#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/data/vector_file.hpp"

namespace balr {

// Where the Python balr keeps the vector files of a data set: beside the file that each row refers
// to (its audio), or below a folder, in the folders of these files below what is common to all.
class VectorFileNames {
 public:
  // `references`: a path a row, empty where there is none. `folder` empty: beside them. `ids` and
  // `source` are for messages. Throws DataError if two rows would share a file.
  VectorFileNames(const std::vector<std::string>& references, const std::vector<std::string>& ids,
                  VectorKind kind, VectorFormat format, std::filesystem::path folder,
                  const std::string& source);

  // Absolute; empty for a row without a reference.
  const std::string& file(std::int64_t row) const { return files_[static_cast<std::size_t>(row)]; }
  // What a metadata.csv in `folder` says: relative if the file lies below it.
  std::string cell(std::int64_t row, const std::filesystem::path& folder) const;

 private:
  std::vector<std::string> files_;
};

}  // namespace balr
