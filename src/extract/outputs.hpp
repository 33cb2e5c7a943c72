#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "balr/data/manifest.hpp"
#include "extract/part_folder.hpp"

namespace balr {

struct MergeCounts {
  std::int64_t rows = 0, failed = 0;
  double seconds = 0;  // of audio used
  std::map<std::string, std::int64_t> notes;  // rows that have an embedding and a note (row_work.hpp), by note
};

// Puts the parts together: <folder>/embeddings.h5, failures.csv (row, id, path, reason) and metadata.csv (the input's
// columns, relative audio paths made absolute, and `embedding` = embeddings.h5#row, empty where the row failed).
MergeCounts merge_parts(const PartFolder& parts, const Manifest& manifest, const StoreInfo& info, std::int64_t dimension,
                        const std::filesystem::path& folder);

}  // namespace balr
