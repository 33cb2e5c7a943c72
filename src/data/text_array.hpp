#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/data/vector_file.hpp"

namespace balr {

// numpy.savetxt's text, read as numpy.loadtxt does: numbers between blanks, lines of equal length,
// `#` begins a comment; one column or one line is a vector. Throws DataError with the line (without
// the file's name).
VectorArray parse_text_array(std::string_view text);
// "%.18e", one row a line.
std::string text_array(std::span<const float> values, const std::vector<std::int64_t>& shape);

// One number as Python's float() reads it, without underscores. False: it is none.
bool parse_number(std::string_view text, double& value);

}  // namespace balr
