#pragma once
#include <cstdlib>
#include <string>
#include <string_view>

#include "balr/core/error.hpp"

namespace balr {

// Fault injection for the tests: BALR_FAULT=throw@PLACE:RANK makes that rank throw an internal error at that place.
// Inert unless the variable is set.
inline void fault_point(std::string_view place, int rank) {
  const char* fault = std::getenv("BALR_FAULT");
  if (fault && fault == "throw@" + std::string(place) + ":" + std::to_string(rank))
    throw InternalError("BALR_FAULT asked for an error at " + std::string(place));
}

}  // namespace balr
