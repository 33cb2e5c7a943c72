#include "app/commands/help.hpp"

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

}  // namespace balr
