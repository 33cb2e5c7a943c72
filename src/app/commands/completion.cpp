#include "app/commands/completion.hpp"

#include <cstdlib>
#include <filesystem>

namespace balr {

CommandInfo CompletionCommand::info() {
  return {
      .name = "completion",
      .group = Group::kHelp,
      .program = Program::kFront,
      .summary = "Print the script that lets a shell complete balr's arguments",
      .description =
          "It completes commands, options, presets, keys of the configuration and values.",
      .examples =
          "source <(balr completion bash)     # for this shell; put it into ~/.bashrc\n"
          "source <(balr completion zsh)      # after compinit; put it into ~/.zshrc\n"
          "balr completion --install bash     # for all shells to come",
  };
}

void CompletionCommand::declare(OptionList& list) {
  list.optional_argument("SHELL", shell, {"", "the one of $SHELL if not given", {"bash", "zsh"}});
  list.rest("WORDS", words, {"", "for --complete, after --: what follows balr"});
  list.flag("--install", install, "write the script to where the shell looks for it");
  list.flag("--complete", complete,
            "print what may stand for the last of WORDS; the script calls it");
}

void CompletionCommand::finish(std::span<const std::string> /*overrides*/) {
  if (shell.empty())
    if (const char* path = std::getenv("SHELL")) shell = std::filesystem::path(path).filename();
  if (shell.empty())
    throw ConfigError(
        "Missing argument 'SHELL'; write balr completion bash or balr completion zsh");
  if (shell != "bash" && shell != "zsh")
    throw ConfigError("cannot complete for the shell '" + shell +
                      "'; write balr completion bash or balr completion zsh");
  if (complete && install)
    throw ConfigError("--complete and --install exclude each other; give one of them");
  if (!complete && !words.empty())
    throw ConfigError("Got unexpected extra argument '" + words.front() +
                      "'; see `balr completion --help`");
}

}  // namespace balr
