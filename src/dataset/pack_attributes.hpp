#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace balr {

// Words of 64 bits for so many attributes.
constexpr std::int64_t attribute_words(std::int64_t attributes) { return (attributes + 63) / 64; }

// Sets the bits of the active attributes in `words`, which are 0. `values` are the numbers of one
// vector: one an attribute (`columns` 1), or two (2), the second being 1 minus the first. `what`
// names the vector in the DataError for any other number.
void pack_attributes(std::span<const float> values, std::int64_t columns,
                     std::span<std::uint64_t> words, const std::string& what);

}  // namespace balr
