#include "app/commands/help.hpp"

#include "app/help.hpp"

namespace balr {

CommandInfo HelpCommand::info() {
  return {
      .name = "help",
      .group = Group::kHelp,
      .program = Program::kFront,
      .summary = "Show the arguments, options and examples of a command",
      .description = "",
      .examples = "balr help train\nbalr help score test",
  };
}

void HelpCommand::declare(OptionList& list) {
  list.rest("COMMAND", words, {"", "one of `balr --help`"});
}

void HelpCommand::finish(std::span<const std::string> /*overrides*/) {
  help_of(words);  // throws if there is no such command
}

}  // namespace balr
