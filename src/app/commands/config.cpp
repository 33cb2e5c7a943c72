#include "app/commands/config.hpp"

namespace balr {

CommandInfo ConfigCommand::info() {
  return {
      .name = "config",
      .group = Group::kHelp,
      .program = Program::kFront,
      .summary = "Print the configuration and where each value comes from",
      .description = "The output can be used as a file again: balr train --config-path FILE ...",
      .examples =
          "balr config\n"
          "balr config --config-name recipe trainer.epochs=10\n"
          "balr config --json 'trainer.losses=[mse,arcface]'",
      .overrides = true,
  };
}

void ConfigCommand::declare(OptionList& list) {
  list.flag("--json", json, "one flat JSON object");
  declare_config(list, file_);
}

void ConfigCommand::finish(std::span<const std::string> overrides) {
  config = make_config(file_, overrides);
}

}  // namespace balr
