#pragma once
#include "balr/app/command_line.hpp"
#include "balr/core/error.hpp"
#include "balr/run/stop_flag.hpp"

namespace balr {

class World;

// One function a command: from the command line to the pipeline's options. Collective.
ExitCode run_extract(const CommandLine& command, World& world, const StopFlag& stop);
ExitCode run_train(const CommandLine& command, World& world, const StopFlag& stop);
ExitCode run_model_init(const CommandLine& command, World& world);

}  // namespace balr
