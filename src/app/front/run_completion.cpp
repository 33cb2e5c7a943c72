#include <cstdlib>
#include <iostream>

#include "app/completion.hpp"
#include "app/front/runs.hpp"
#include "balr/core/atomic_file.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

fs::path from_environment(const char* name, const fs::path& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? fs::path(value) : otherwise;
}

// Where bash-completion looks; for zsh a folder that the user adds to its path.
fs::path place_of(const std::string& shell) {
  const fs::path home = from_environment("HOME", "");
  if (home.empty())
    throw ConfigError("HOME is not set; write balr completion " + shell + " > FILE");
  if (shell == "bash")
    return from_environment("XDG_DATA_HOME", home / ".local/share") /
           "bash-completion/completions/balr";
  return home / ".zfunc/_balr";
}

void install(const std::string& shell) {
  const fs::path file = place_of(shell);
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error)
    throw IoError("cannot make the folder " + file.parent_path().string() + " (" + error.message() +
                  "); write balr completion " + shell + " > FILE");
  write_file_atomically(file, completion_script(shell));
  std::cout << "wrote " << file.string() << "\n"
            << (shell == "bash"
                    ? "New shells complete balr, if the package bash-completion is there.\n"
                    : "Add to ~/.zshrc, before compinit:  fpath+=(~/.zfunc)\n");
}

}  // namespace

ExitCode run_completion(const CompletionCommand& command) {
  if (command.complete)
    std::cout << to_lines(complete(command.words));
  else if (command.install)
    install(command.shell);
  else
    std::cout << completion_script(command.shell);
  return ExitCode::kOk;
}

}  // namespace balr
