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

}  // namespace

void pack_attributes(std::span<const float> values, std::int64_t columns,
                     std::span<std::uint64_t> words, const std::string& what) {
  const auto step = static_cast<std::size_t>(columns);
  BALR_CHECK(columns == 1 || columns == 2);
  const std::size_t attributes = values.size() / step;
  BALR_CHECK(static_cast<std::int64_t>(words.size()) ==
             attribute_words(static_cast<std::int64_t>(attributes)));
  for (std::size_t a = 0; a < attributes; ++a) {
    const float active = values[a * step];
    if (active != 0.0F && active != 1.0F) refuse(what, a, std::to_string(active));
    if (columns == 2 && values[a * step + 1] != 1.0F - active)
      refuse(what, a, std::to_string(active) + " and " + std::to_string(values[a * step + 1]));
    if (active == 1.0F) words[a / 64] |= std::uint64_t{1} << (a % 64);
  }
}

}  // namespace balr
