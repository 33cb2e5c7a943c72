// The program `balr`: checks the command line, answers help, version and config, and hands over to
// the computing program beside it. It loads neither MPI nor LibTorch, so a mistake is told in
// milliseconds.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>

#include "app/config_files.hpp"
#include "balr/app/command_line.hpp"
#include "balr/core/error.hpp"

namespace {

namespace fs = std::filesystem;

fs::path computing_program() {
  const fs::path here = balr::program_folder();
  for (const fs::path& file : {here / "balr-compute", here / "../libexec/balr/balr-compute"})
    if (::access(file.c_str(), X_OK) == 0) return file;
  throw balr::IoError(
      "cannot find balr-compute beside balr or in ../libexec/balr; install balr again");
}

int hand_over(char** argv) {
  const fs::path program = computing_program();
  ::execv(program.c_str(), argv);
  throw balr::IoError("cannot start " + program.string() + " (" + std::strerror(errno) +
                      "); install balr again");
}

int run(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<balr::CommandLine> line = balr::parse_command_line(argc, argv, exit_code);
  if (!line) return exit_code;
  if (line->command != "config") return hand_over(argv);
  std::cout << (line->json ? line->config.to_json() + "\n" : line->config.to_yaml(true))
            << std::flush;
  if (!std::cout) throw balr::IoError("cannot write the configuration to the standard output");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const balr::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(balr::ExitCode::kInternal);
  }
}
