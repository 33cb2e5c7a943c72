#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/data/vector_file.hpp"

namespace balr {

// A .npy file, versions 1 to 3. Throws DataError (without the file's name).
VectorArray parse_npy(std::string_view content);
// What numpy.save writes before a float32 array's data.
std::string npy_header(const std::vector<std::int64_t>& shape);

}  // namespace balr
