#include "app/commands/score_train.hpp"

#include "app/commands/score_checks.hpp"

namespace balr {

CommandInfo ScoreTrainCommand::info() {
  return {
      .name = "score train",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Fit a likelihood-ratio scorer",
      .description = "Counts the binary attributes of each speaker and writes scorer.pt.",
      .examples = "balr score train --save-dir runs/scorer/dna dev.csv scorer=dna",
      .overrides = true,
      .planned = true,
  };
}

void ScoreTrainCommand::declare(OptionList& list) {
  list.argument("TRAIN", input, PathCheck::kExists, "binary attributes of speakers");
  declare_exist_ok(list, "use an existing --save-dir");
  declare_run_options(list, "runs/scorer/train");
}

void ScoreTrainCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  exist_ok = config.flag("exist_ok");
  if (!save_dir) save_dir = "runs/scorer/train";
  check_scorer(config, "score train");
  if (config.has("scorer.cosine"))
    throw ConfigError(
        "scorer=cosine does not need to be fit; use it in balr score test, or fit another scorer");
}

}  // namespace balr
