#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "balr/core/partition.hpp"
#include "balr/data/manifest.hpp"

namespace balr {

// Divides ascending rows into runs of neighbours that are pieces of one file, so that a run can be
// decoded in one pass. A run ends early where its clips would take too much memory: at half an hour
// of audio, where a piece without an end counts as ten minutes.
std::vector<Range> same_file_runs(const Manifest& manifest, std::span<const std::int64_t> rows);

}  // namespace balr
