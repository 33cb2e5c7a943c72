#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "balr/data/manifest.hpp"
#include "extract/part_folder.hpp"
#include "extract/vector_outputs.hpp"

namespace balr {

// What a scientist must know about the rows.
struct MergeCounts {
  std::int64_t rows = 0, failed = 0;
  double seconds = 0;                          // of audio used
  std::map<std::string, std::int64_t> reasons;  // failed rows, by status
  // Rows that have an embedding:
  std::map<std::string, std::int64_t> notes;  // with a note (row_work.hpp), by note
  std::int64_t low_rate = 0;                  // files below 16 kHz: telephone speech, resampled
  std::int64_t short_audio = 0;               // less than a second
};

// Puts the parts together: <folder>/embeddings.h5, failures.csv (row, id, path, reason), metadata.csv (MetadataTable; embedding =
// embeddings.h5#row, empty where the row failed) and sources.csv (reuse.hpp).
// With `vectors`, their files too, before the store, and metadata.csv names them.
MergeCounts merge_parts(const PartFolder& parts, const Manifest& manifest, const StoreInfo& info, std::int64_t dimension,
                        const std::filesystem::path& folder, const VectorOutputs* vectors = nullptr);

// Writes those vector files of a finished store in `folder` that are not there, and the metadata.csv that names them.
void complete_vector_files(const Manifest& manifest, const std::filesystem::path& folder, const VectorOutputs& vectors);

// The same counts of a finished store, but for the notes.
MergeCounts count_rows(const std::filesystem::path& store);

// The lines to be logged: "3 rows failed: 2 decode, 1 missing", ...
std::vector<std::string> summary(const MergeCounts& counts);
// The counts as one table for run.json: failed_decode, below_16_khz, ...
std::map<std::string, std::int64_t> count_table(const MergeCounts& counts);

}  // namespace balr
