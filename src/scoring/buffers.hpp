#pragma once
#include <span>

#include "balr/scoring/scorer.hpp"

namespace balr {

// The buffer of that name. Throws DataError if it is missing.
const ScorerBuffer& find_buffer(std::span<const ScorerBuffer> buffers, const std::string& name);
// Throws DataError unless it has that shape and all its values lie in [least, most].
void check_buffer(const ScorerBuffer& buffer, const std::vector<std::int64_t>& shape, double least,
                  double most);

}  // namespace balr
