#include <iostream>

#include "app/front/runs.hpp"

namespace balr {

ExitCode run_config(const ConfigCommand& command) {
  std::cout << (command.json ? command.config.to_json() + "\n" : command.config.to_yaml(true));
  for (const std::string& note : command.config.notes()) std::cerr << "note: " << note << '\n';
  return ExitCode::kOk;
}

}  // namespace balr
