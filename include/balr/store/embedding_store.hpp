#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "balr/core/error.hpp"

// The embedding store: one plain HDF5 file (1.10 format), contiguous datasets, no links, no
// external storage.
//   /embeddings float32 [N, D] (NaN row where it failed), /id, /speaker fixed-length UTF-8
//   null-padded, /status uint8 enum, /seconds float32, /source_rate int32; root attributes =
//   format, format_version and StoreInfo.
// Each dataset has an attribute `sha256` over its bytes as they lie in the file, in Python
// hashlib.sha256(f["embeddings"][:].tobytes()); the root has `attributes_sha256` over the other
// root attributes. `balr verify` recomputes them. A part or fragment of an extraction is the same
// file for fewer rows, with the further datasets that StoreRows names. What size and time the audio
// files had is not in a finished store but beside it (sources.csv): stores of the same audio are
// the same bytes everywhere.
namespace balr {

struct StoreInfo {
  std::string model_repo, model_name, model_sha256;
  std::string features;    // name of the feature preset with its parameters
  std::string precision;   // fp32, tf32, ...
  std::string input_hash;  // Manifest::hash
  std::string identity;    // hash of configuration, model and input: parts of one run share it
  std::string recipe;      // the same without the input: rows of such stores can be exchanged
  std::string program_version;
  std::int64_t total_rows = 0;  // N of the whole input
  std::int64_t first_row =
      0;  // row of the input that this file starts with (0 in a finished store)
};

struct StoreRows {
  std::int64_t dimension = 0;
  std::vector<float> embeddings;  // [rows, dimension]
  std::vector<std::string> ids, speakers;
  std::vector<std::uint8_t> status;       // RowStatus
  std::vector<float> seconds;             // of audio used
  std::vector<std::int32_t> source_rate;  // Hz
  // Why rows failed; empty in a finished store (failures.csv has them), else one text a row: an
  // extra dataset /reason of parts.
  std::vector<std::string> reasons;
  // Bytes and time of the last change (ns since 1970) of the audio files; -1 where there was none.
  // Empty in a finished store, else extra datasets /file_size and /file_time of parts.
  std::vector<std::int64_t> file_size, file_time;
  std::int64_t rows() const { return static_cast<std::int64_t>(status.size()); }
};

// A store of a format that this program does not know.
class StoreVersionError : public DataError {
 public:
  using DataError::DataError;
};

struct Store {
  StoreInfo info;
  StoreRows rows;
};

// Writes a store piece by piece, so that one part at a time is in memory: under a temporary name,
// then fsynced and renamed. The same rows give the same bytes of the file, however they were
// divided. Destroyed without finish(), it removes the temporary file and leaves an older store as
// it was. All members throw IoError (disk full, quota, ...); after that only destruction is
// allowed.
class StoreWriter {
 public:
  // `rows` >= 1 in all; widths in bytes of the longest text (at least 1 is taken); a `reason_width`
  // of 0: no /reason; `files`: with /file_size and /file_time.
  StoreWriter(const std::filesystem::path& file, const StoreInfo& info, std::int64_t rows,
              std::int64_t dimension, std::int64_t id_width, std::int64_t speaker_width,
              std::int64_t reason_width = 0, bool files = false);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  void append(const StoreRows& rows);  // the next rows; texts no longer than the widths
  void finish();                       // after exactly `rows` rows

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All rows at once; the same bytes as StoreWriter's with the longest texts as widths. Throws
// IoError.
void write_store(const std::filesystem::path& file, const StoreInfo& info, const StoreRows& rows);

// Reads a whole store. Refuses foreign shapes, types, layouts, external storage, virtual datasets
// and links before allocating; what it allocates is bounded by a small multiple of the file's size.
// Throws DataError (not a store, damaged; StoreVersionError: of another version), IoError (cannot be opened or read).
// HDF5 need not be thread-safe: one thread at a time.
Store read_store(const std::filesystem::path& file);
// Also compares the checksums; DataError if one differs.
Store read_checked_store(const std::filesystem::path& file);
StoreInfo read_store_info(const std::filesystem::path& file);

}  // namespace balr
