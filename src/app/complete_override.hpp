#pragma once
#include <string>

#include "app/completion.hpp"

namespace balr {

// Completes an override: its key up to the =, or its value.
Completion complete_override(const std::string& typed);

}  // namespace balr
