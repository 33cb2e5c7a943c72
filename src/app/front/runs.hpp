#pragma once
#include "app/commands/config.hpp"
#include "balr/core/error.hpp"

namespace balr {

// What `balr` answers itself.
ExitCode run_config(const ConfigCommand& command);

}  // namespace balr
