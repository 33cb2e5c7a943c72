#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/dataset/vector_table.hpp"

namespace balr {

enum class ExportFormat { kPickle, kText, kNpy, kKaldi };

struct ConvertOptions {
  std::filesystem::path input;  // whatever open_vectors() takes
  std::filesystem::path root;
  OpenOptions open;
  std::filesystem::path folder;  // to write, made if it is not there
  bool force = false;            // replace what an earlier call left there
};

struct ConvertCounts {
  std::int64_t rows = 0;      // written with a vector
  std::int64_t left_out = 0;  // rows without one
};

// Writes the vectors in the input's order, rows without one left out:
//   kPickle, kText: <folder>/<id>_emb.pkl (.txt), an audio suffix of the id left off where no two
//     ids then share a file, `..` and the like replaced by `_`; files appear whole, by rename;
//   kNpy: <folder>/embeddings.npy, float32 [rows, dimension];
//   kKaldi: <folder>/embeddings.ark and .scp, binary float, and utt2spk where there are speakers.
// And last, but for kKaldi, <folder>/metadata.csv with id, speaker (if there are any) and
// embedding, which this program and (pkl, txt) the Python balr take as a data set.
// Throws as open_vectors(), DataError if an export is there already, IoError.
ConvertCounts export_vectors(const ConvertOptions& options, ExportFormat format);

// Makes a folder as extract leaves it: embeddings.h5 (all rows, in the input's order; NaN and a
// status where there is no vector) and metadata.csv. Throws as open_vectors(), DataError if a store
// is there already, IoError.
ConvertCounts import_vectors(const ConvertOptions& options, const std::string& program_version);

}  // namespace balr
