#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "balr/core/partition.hpp"
#include "extract/suspects.hpp"

namespace balr {

class Journal;
class PartFolder;
class RowEngine;
class World;

// Rows that lie in one of the ranges; all ascending.
std::vector<std::int64_t> rows_within(const std::vector<std::int64_t>& rows, const std::vector<Range>& ranges);
// The ranges without these rows.
std::vector<Range> without_rows(const std::vector<Range>& ranges, const std::vector<Culprit>& rows);

// Collective: tries rank 0's rows in child processes, `at_once` on each rank; returns the guilty ones on rank 0. `meanwhile` is
// called many times a second and may throw, which all ranks then do.
std::vector<Culprit> judge_rows(World& world, const std::vector<std::int64_t>& rows, const TrialOptions& options,
                                const Manifest& manifest, int at_once, const std::function<void()>& meanwhile);

// Collective: rank 0's rows, on which earlier runs crashed, are computed one at a time with nothing else in work on their rank, and each
// is published at once, so `engine` has no other rows. If a process crashes again, the journal knows the culprit. `before_publish`,
// `meanwhile`: called before each one, and many times a second; may throw, which all ranks then do. Returns the rows.
std::vector<std::int64_t> compute_alone(World& world, const std::vector<std::int64_t>& rows, const PartFolder& parts, RowEngine& engine,
                                        Journal& journal, const std::function<void()>& before_publish,
                                        const std::function<void()>& meanwhile);

// Notes the row as kCrashed in a fragment of its own.
void publish_culprit(const PartFolder& parts, const Culprit& culprit);

}  // namespace balr
