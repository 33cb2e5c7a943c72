#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "balr/core/partition.hpp"
#include "extract/suspects.hpp"

namespace balr {

class PartFolder;
class World;

// Rows that lie in one of the ranges; all ascending.
std::vector<std::int64_t> rows_within(const std::vector<std::int64_t>& rows, const std::vector<Range>& ranges);
// The ranges without these rows.
std::vector<Range> without_rows(const std::vector<Range>& ranges, const std::vector<Culprit>& rows);

// Collective: tries rank 0's rows in child processes, `at_once` on each rank; returns the guilty ones on rank 0. `meanwhile` is
// called many times a second and may throw, which all ranks then do.
std::vector<Culprit> judge_rows(World& world, const std::vector<std::int64_t>& rows, const TrialOptions& options,
                                const Manifest& manifest, int at_once, const std::function<void()>& meanwhile);

// Notes the row as kCrashed in a fragment of its own.
void publish_culprit(const PartFolder& parts, const Culprit& culprit);

}  // namespace balr
