// By its first byte a .npy or a .txt of any bytes is one array, of a size that its bytes bound, or
// refused with a DataError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "balr/core/error.hpp"
#include "balr/data/vector_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto format =
      content.starts_with('\x93') ? balr::VectorFormat::kNpy : balr::VectorFormat::kText;
  try {
    const auto array = balr::parse_vector(content, format, "x");
    if (array.values.size() > size) std::abort();
    std::size_t expected = 1;
    for (const std::int64_t n : array.shape) expected *= static_cast<std::size_t>(n);
    if (expected != array.values.size()) std::abort();
  } catch (const balr::DataError&) {
  }
  return 0;
}
