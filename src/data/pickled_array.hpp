#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/data/vector_file.hpp"

namespace balr {

// One numpy array in a pickle. Throws DataError (without the file's name).
VectorArray parse_pickled_array(std::string_view pickle);

// What numpy 1.26 writes for the array with protocol 4.
std::string pickle_array(std::span<const float> values, const std::vector<std::int64_t>& shape);

}  // namespace balr
