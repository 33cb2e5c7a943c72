#include "scoring/buffers.hpp"

#include <algorithm>

#include "balr/core/error.hpp"

namespace balr {

const ScorerBuffer& find_buffer(std::span<const ScorerBuffer> buffers, const std::string& name) {
  const auto found = std::ranges::find(buffers, name, &ScorerBuffer::name);
  if (found == buffers.end())
    throw DataError("'" + name +
                    "' is missing; give the scorer= that the file was fitted with, or fit again");
  return *found;
}

void check_buffer(const ScorerBuffer& buffer, const std::vector<std::int64_t>& shape, double least,
                  double most) {
  if (buffer.shape != shape) {
    std::string text;
    for (const std::int64_t size : shape)
      text += (text.empty() ? "" : " x ") + std::to_string(size);
    throw DataError("'" + buffer.name + "' is not " + text + "; fit the scorer again");
  }
  for (const double value : buffer.values)
    if (!(value >= least && value <= most))  // NaN is outside too
      throw DataError("'" + buffer.name + "' holds " + std::to_string(value) +
                      ", which no fit may give; fit the scorer again");
}

}  // namespace balr
