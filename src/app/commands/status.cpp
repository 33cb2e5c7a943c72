#include "app/commands/status.hpp"

namespace balr {

CommandInfo StatusCommand::info() {
  return {
      .name = "status",
      .group = Group::kFiles,
      .program = Program::kFront,
      .summary = "How far the run of an output folder is",
      .description =
          "Prints what run.json and progress.json in DIR say, a line for each name: state\n"
          "(running, stopped, failed, complete), stop_reason, done, total, busy.network, ...\n"
          "65 if there has been no run.",
      .examples = "balr status embeddings/dev\nbalr status embeddings/dev --field state",
  };
}

void StatusCommand::declare(OptionList& list) {
  list.argument("DIR", folder, PathCheck::kExists, "output folder of extract or train");
  list.value("--field", field, {"NAME", "print this one's value alone, for scripts"});
}

}  // namespace balr
