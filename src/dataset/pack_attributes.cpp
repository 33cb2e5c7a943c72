#include "dataset/pack_attributes.hpp"

#include "balr/core/error.hpp"

namespace balr {
namespace {

[[noreturn]] void refuse(const std::string& what, std::size_t attribute, const std::string& found) {
  throw DataError(what + " does not hold binary attributes (attribute " +
                  std::to_string(attribute) + " is " + found +
                  "): each is 0 or 1, in the Python balr's files with 1 minus it beside it; run "
                  "`balr binarize` on the embeddings");
}

constexpr std::uint64_t reversed(std::uint64_t byte) {
  std::uint64_t out = 0;
  for (int bit = 0; bit < 8; ++bit) out |= ((byte >> bit) & 1) << (7 - bit);
  return out;
}

struct ReversedBytes {
  std::uint64_t of[256] = {};
  constexpr ReversedBytes() {
    for (std::uint64_t byte = 0; byte < 256; ++byte) of[byte] = reversed(byte);
  }
};
constexpr ReversedBytes kReversed;

}  // namespace

void pack_attributes(std::span<const float> values, std::int64_t columns, std::uint8_t* row,
                     const std::string& what) {
  BALR_CHECK(columns == 1 || columns == 2);
  const auto step = static_cast<std::size_t>(columns);
  for (std::size_t a = 0; a < values.size() / step; ++a) {
    const float active = values[a * step];
    if (active != 0.0F && active != 1.0F) refuse(what, a, std::to_string(active));
    if (columns == 2 && values[a * step + 1] != 1.0F - active)
      refuse(what, a, std::to_string(active) + " and " + std::to_string(values[a * step + 1]));
    if (active == 1.0F) set_attribute_bit(row, static_cast<std::int64_t>(a));
  }
}

std::vector<std::uint8_t> pack_matrix(std::span<const float> values, std::int64_t attributes,
                                      const std::string& what) {
  const auto width = static_cast<std::size_t>(attributes);
  const std::size_t rows = values.size() / width;
  const auto bytes = static_cast<std::size_t>(attribute_bytes(attributes));
  std::vector<std::uint8_t> out(rows * bytes);
  for (std::size_t row = 0; row < rows; ++row)
    pack_attributes(values.subspan(row * width, width), 1, out.data() + row * bytes,
                    "row " + std::to_string(row) + " of " + what);
  return out;
}

void append_numbers(const std::uint8_t* row, std::int64_t attributes, std::int64_t columns,
                    std::vector<float>& out) {
  for (std::int64_t a = 0; a < attributes; ++a) {
    const float active = attribute_bit(row, a) ? 1.0F : 0.0F;
    out.push_back(active);
    if (columns == 2) out.push_back(1.0F - active);
  }
}

void append_words(const std::uint8_t* row, std::int64_t attributes,
                  std::vector<std::uint64_t>& out) {
  const std::size_t first = out.size();
  out.resize(first + static_cast<std::size_t>(attribute_words(attributes)));
  for (std::int64_t byte = 0; byte < attribute_bytes(attributes); ++byte)
    out[first + static_cast<std::size_t>(byte / 8)] |= kReversed.of[row[byte]] << (byte % 8 * 8);
  if (attributes % 64 != 0) out.back() &= (std::uint64_t{1} << (attributes % 64)) - 1;
}

}  // namespace balr
