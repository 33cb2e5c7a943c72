#pragma once
#include <algorithm>
#include <string_view>

namespace balr {

// A byte of a bool that is neither 0 nor 1 is undefined behaviour for whoever reads it: files are checked first.
inline bool are_truth_values(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0 || byte == 1; });
}

}  // namespace balr
