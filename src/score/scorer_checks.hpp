#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "balr/scoring/scorer_file.hpp"
#include "score/test_set.hpp"

namespace balr {

// Throws ConfigError where the user expects another number of attributes than `source` has.
void check_attribute_count(const std::optional<std::int64_t>& expected, std::int64_t attributes,
                           const std::string& source);

// A scorer must not be tested on the people and recordings that it was fitted on: it would look
// better than it is. Throws DataError that names one; `allowed` makes it a warning on rank 0.
// Without a card (a scorer of the Python balr) nobody can tell: a warning.
void check_overlap(const std::optional<ScorerCard>& card, const TestSet& set, bool allowed,
                   bool speaks);

}  // namespace balr
