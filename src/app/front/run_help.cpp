#include <iostream>

#include "app/front/runs.hpp"
#include "app/help.hpp"

namespace balr {

ExitCode run_help(const HelpCommand& command) {
  std::cout << help_of(command.words);
  return ExitCode::kOk;
}

}  // namespace balr
