// The program `balr`: checks the command line, answers help, version and small commands itself, and
// hands over to the program beside it that does the others. It loads neither HDF5, LibTorch nor
// MPI, so a mistake is told in milliseconds.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <iostream>
#include <thread>

#include "app/config_files.hpp"
#include "app/front/runs.hpp"
#include "app/launched.hpp"
#include "app/runner.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::span<const Runner<>> runners() {
  static const std::vector<Runner<>> table = {
      runner(run_completion),
      runner(run_config),
      runner(run_help),
      runner(run_status),
  };
  return table;
}

fs::path beside(const std::string& name) {
  const fs::path here = program_folder();
  for (const fs::path& file : {here / name, here / "../libexec/balr" / name})
    if (::access(file.c_str(), X_OK) == 0) return file;
  throw IoError("cannot find " + name + " beside balr or in ../libexec/balr; install balr again");
}

[[noreturn]] void hand_over(Program to, char** argv) {
  const fs::path program = beside(to == Program::kFiles ? "balr-files" : "balr-compute");
  ::execv(program.c_str(), argv);
  throw IoError("cannot start " + program.string() + " (" + std::strerror(errno) +
                "); install balr again");
}

int front_main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<CommandLine> line = parse_command_line(argc, argv, exit_code);
  if (!line) {
    // A launcher ends all when one fails: let the first say why.
    if (exit_code != 0 && !is_first_process()) std::this_thread::sleep_for(std::chrono::seconds(3));
    return exit_code;
  }
  if (line->info->program != Program::kFront) hand_over(line->info->program, argv);
  return run_single(*line, runners());
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  try {
    return balr::front_main(argc, argv);
  } catch (const balr::Error& error) {
    if (balr::is_first_process_of_node()) std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "error: internal error: " << error.what() << '\n';
    return static_cast<int>(balr::ExitCode::kInternal);
  }
}
