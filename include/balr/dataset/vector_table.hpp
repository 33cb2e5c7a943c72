#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace balr {

// Embeddings of any input a command accepts, in memory, rows ordered by id as the Python balr orders them.
struct VectorTable {
  std::int64_t dimension = 0;
  std::vector<float> values;              // [rows, dimension]
  std::vector<std::string> ids, speakers;
  std::vector<std::int64_t> labels;       // 0..C-1, see encode_labels
  std::vector<std::string> label_names;   // C names
  std::int64_t dropped = 0;               // rows left out because extraction failed on them (NaN)
  std::string source;                     // store that was read
  std::string model;                      // "repo/name sha256" of the speaker model, for the log
  std::string content_hash;               // SHA-256 over ids, speakers and values in order
  std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
};

// Accepts a `.h5` store, a folder written by extract, a metadata.csv (column `embedding`), or the CSV that was
// extracted (through its `<input>.embeddings` pointer, whose hashes must still match).
// Throws DataError naming what was looked for and the command that makes it; with `need_speakers`, a missing speaker is an error.
VectorTable open_vectors(const std::filesystem::path& input, const std::filesystem::path& root, bool need_speakers);

// The pointer file beside an extracted CSV.
struct Pointer {
  std::string store, store_hash, csv_hash, model;
};
std::filesystem::path pointer_path(const std::filesystem::path& csv);
void write_pointer(const std::filesystem::path& csv, const Pointer& pointer);
Pointer read_pointer(const std::filesystem::path& file);

}  // namespace balr
