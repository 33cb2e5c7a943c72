#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "balr/store/attribute_store.hpp"

// Binary attributes as numbers, as the bits of attributes.h5 and as words of 64.
namespace balr {

// Sets the bits of the active attributes in `row`, which are 0. `values` are the numbers of one
// vector: one an attribute (`columns` 1), or two (2), the second being 1 minus the first. `what`
// names the vector in the DataError for any other number.
void pack_attributes(std::span<const float> values, std::int64_t columns, std::uint8_t* row,
                     const std::string& what);
// One an attribute, one vector a row.
std::vector<std::uint8_t> pack_matrix(std::span<const float> values, std::int64_t attributes,
                                      const std::string& what);

// Numbers again: columns 1 or 2, appended.
void append_numbers(const std::uint8_t* row, std::int64_t attributes, std::int64_t columns,
                    std::vector<float>& out);

constexpr std::int64_t attribute_words(std::int64_t attributes) { return (attributes + 63) / 64; }
// Attribute a is bit a % 64 of word a / 64; all bits after the last attribute 0.
void append_words(const std::uint8_t* row, std::int64_t attributes,
                  std::vector<std::uint64_t>& out);

}  // namespace balr
