// An override of any bytes is parsed or refused with a ConfigError.
#include <cstdint>
#include <string_view>

#include "balr/core/error.hpp"
#include "core/override_parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    balr::parse_override(text);
  } catch (const balr::ConfigError&) {
  }
  return 0;
}
