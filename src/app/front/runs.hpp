#pragma once
#include "app/commands/completion.hpp"
#include "app/commands/config.hpp"
#include "app/commands/help.hpp"
#include "app/commands/status.hpp"
#include "balr/core/error.hpp"

namespace balr {

// What `balr` answers itself.
ExitCode run_completion(const CompletionCommand& command);
ExitCode run_config(const ConfigCommand& command);
ExitCode run_help(const HelpCommand& command);
ExitCode run_status(const StatusCommand& command);

}  // namespace balr
