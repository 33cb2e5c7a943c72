#include "app/commands/score_train.hpp"

#include "app/commands/score_checks.hpp"

namespace balr {

CommandInfo ScoreTrainCommand::info() {
  return {
      .name = "score train",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Fit a likelihood-ratio scorer",
      .description =
          "Counts the binary attributes of each speaker, fits the scorer in double precision and\n"
          "writes scorer.pt, which the Python balr loads too, and scorer.json, which says what it\n"
          "was fitted on. population= and propositions= take your words for whom the data stand\n"
          "and which two propositions the likelihood ratios compare.",
      .examples = "balr score train --save-dir runs/scorer/dna dev.csv scorer=dna",
      .overrides = true,
  };
}

void ScoreTrainCommand::declare(OptionList& list) {
  list.argument("TRAIN", input, PathCheck::kExists, "binary attributes of speakers");
  declare_exist_ok(list, "replace the scorer in --save-dir");
  declare_run_options(list, "runs/scorer/train");
}

void ScoreTrainCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  exist_ok = config.flag("exist_ok");
  if (!save_dir) save_dir = "runs/scorer/train";
  check_scorer(config, "score train");
  for (const std::string name : {"cosine", "embedding_cosine"})
    if (config.has("scorer." + name))
      throw ConfigError(
          "scorer=" + name +
          " does not need to be fit; use it in balr score test, or fit another scorer");
}

}  // namespace balr
