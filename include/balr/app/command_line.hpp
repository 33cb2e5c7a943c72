#pragma once
#include <memory>
#include <optional>
#include <string>

#include "balr/app/command.hpp"

namespace balr {

// A command with its arguments and options, checked as far as that goes without MPI, CUDA or
// reading data.
struct CommandLine {
  const CommandInfo* info = nullptr;
  std::unique_ptr<Command> command;
};

// Nothing: help or the version was printed on stdout, or one line "error: ..." on stderr; leave
// with exit_code.
std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code);

// Version of the program, e.g. 0.1.0.
std::string program_version();

}  // namespace balr
