// An ark of any bytes is a table, of a size that its bytes bound, or refused with a DataError.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "balr/core/error.hpp"
#include "balr/data/kaldi_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream ark(std::string(reinterpret_cast<const char*>(data), size));
  std::size_t numbers = 0;
  try {
    balr::read_kaldi_ark(ark, size, "x.ark",
                         [&](balr::KaldiVector entry) { numbers += entry.values.size(); });
    if (numbers > size) std::abort();
  } catch (const balr::DataError&) {
  }
  return 0;
}
