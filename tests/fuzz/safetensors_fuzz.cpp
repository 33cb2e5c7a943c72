// A safetensors file of any bytes is read, each byte of its data in one tensor, or refused with a DataError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "balr/core/error.hpp"
#include "weights/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const balr::StateDict tensors = balr::parse_safetensors(bytes);
    std::size_t held = 0;
    for (const auto& [name, tensor] : tensors) held += tensor.nbytes();
    if (held > size) std::abort();
    // What was read is written and read again.
    const balr::StateDict again = balr::parse_safetensors(balr::format_safetensors(tensors));
    if (again.size() != tensors.size()) std::abort();
  } catch (const balr::DataError&) {
  }
  return 0;
}
