// A pickle of any bytes is one array, of a size that its bytes bound, or refused with a DataError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "balr/core/error.hpp"
#include "balr/data/vector_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  try {
    const auto array = balr::parse_vector(content, balr::VectorFormat::kPickle, "x.pkl");
    if (array.values.size() > size) std::abort();
  } catch (const balr::DataError&) {
  }
  return 0;
}
