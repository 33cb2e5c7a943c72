#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

// The embedding store: one plain HDF5 file (1.10 format), contiguous datasets, no links, no external storage.
//   /embeddings float32 [N, D] (NaN row where it failed), /id, /speaker fixed-length UTF-8 null-padded,
//   /status uint8 enum, /seconds float32, /source_rate int32; root attributes = StoreInfo.
// A part or fragment of an extraction is the same file for fewer rows.
namespace balr {

struct StoreInfo {
  std::string model_repo, model_name, model_sha256;
  std::string features;       // name of the feature preset with its parameters
  std::string precision;      // fp32, tf32, ...
  std::string input_hash;     // Manifest::hash
  std::string identity;       // hash of configuration, model and input: parts of one run share it
  std::string program_version;
  std::int64_t total_rows = 0;  // N of the whole input
  std::int64_t first_row = 0;   // row of the input that this file starts with (0 in a finished store)
};

struct StoreRows {
  std::int64_t dimension = 0;
  std::vector<float> embeddings;          // [rows, dimension]
  std::vector<std::string> ids, speakers;
  std::vector<std::uint8_t> status;       // RowStatus
  std::vector<float> seconds;             // of audio used
  std::vector<std::int32_t> source_rate;  // Hz
  // Why rows failed; empty in a finished store (failures.csv has them), else one text a row: an extra dataset /reason of parts.
  std::vector<std::string> reasons;
  std::int64_t rows() const { return static_cast<std::int64_t>(status.size()); }
};

struct Store {
  StoreInfo info;
  StoreRows rows;
};

// Writes under a temporary name, closes, fsyncs, renames. The same rows give the same bytes of /embeddings.
// Throws IoError.
void write_store(const std::filesystem::path& file, const StoreInfo& info, const StoreRows& rows);

// Reads a whole store. Refuses foreign shapes, types, external storage and links before allocating.
// Throws DataError (not a store, other version), IoError.
Store read_store(const std::filesystem::path& file);
StoreInfo read_store_info(const std::filesystem::path& file);


}  // namespace balr
