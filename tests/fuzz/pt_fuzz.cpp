// A .pt file of any bytes is a state dict, or refused with a DataError or LibTorch's own error.
#include <ATen/ATen.h>
#include <c10/util/Logging.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "balr/core/error.hpp"
#include "weights/pt_state_dict.hpp"

// LibTorch's reader loses a few hundred bytes for each archive that it refuses, and to look for them after each input
// takes a hundred times as long as the reading.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

// So does what its errors do: they look up where they were thrown.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  c10::SetStackTraceFetcher([] { return std::string(); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const auto& [name, tensor] : balr::parse_pt_state_dict({reinterpret_cast<const char*>(data), size})) {
      if (tensor.nbytes() > size) std::abort();
      tensor.contiguous();
    }
  } catch (const balr::DataError&) {
  } catch (const c10::Error&) {
  }
  return 0;
}
