#include "app/runner.hpp"

#include <iostream>

#include "app/launched.hpp"
#include "balr/core/log.hpp"

namespace balr {

int run_single(const CommandLine& line, std::span<const Runner<>> table) {
  // Under a launcher the work is done once; what asks for nothing but an answer gets it everywhere.
  if (line.info->program != Program::kFront && !is_first_process()) return 0;
  try {
    const Runner<>* found = find_runner(table, line.info->name);
    BALR_CHECK(found != nullptr);
    if (line.info->program != Program::kFront)
      init_log({line.command->log.level, 0, 1, line.command->log.folder});
    const ExitCode code = found->run(*line.command);
    if (!(std::cout << std::flush))
      throw IoError("cannot write to the standard output; is it closed, or its disk full?");
    return static_cast<int>(code);
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "error: internal error: " << error.what() << '\n';
    return static_cast<int>(ExitCode::kInternal);
  }
}

int run_single(int argc, char** argv, std::span<const Runner<>> table) {
  int exit_code = 0;
  const auto line = parse_command_line(argc, argv, exit_code);
  return line ? run_single(*line, table) : exit_code;
}

}  // namespace balr
