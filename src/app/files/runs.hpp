#pragma once
#include "balr/core/error.hpp"

namespace balr {

// What balr-files does: one function a command, in a file of its own beside this one.

}  // namespace balr
