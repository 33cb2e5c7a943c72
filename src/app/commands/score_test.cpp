#include "app/commands/score_test.hpp"

#include "app/commands/score_checks.hpp"

namespace balr {

CommandInfo ScoreTestCommand::info() {
  return {
      .name = "score test",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Score trials and compute metrics",
      .description = "Writes scores.csv and metrics.json.",
      .examples =
          "balr score test --save-dir runs/score/dna test.csv trials.tsv scorer=dna "
          "scorer.checkpoint_path=runs/scorer/dna/scorer.pt\n"
          "balr score test --sep , test.csv trials.csv scorer=cosine",
      .overrides = true,
      .planned = true,
  };
}

void ScoreTestCommand::declare(OptionList& list) {
  list.argument("TEST", input, PathCheck::kExists, "binary attributes of recordings");
  list.argument("TRIALS", trials, PathCheck::kExistingFile,
                "table with a header and the columns enrollment and test");
  declare_exist_ok(list, "use an existing --save-dir");
  list.value("--sep", separator, {"TEXT", "between the columns of TRIALS, one character"});
  declare_run_options(list, "runs/score");
}

void ScoreTestCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  exist_ok = config.flag("exist_ok");
  if (!save_dir) save_dir = "runs/score";
  if (separator == "\\t") separator = "\t";
  if (separator.size() != 1 || separator == "\n" || separator == "\"")
    throw ConfigError("Invalid value for '--sep': give one character, e.g. , or \\t");
  check_scorer(config, "score test");
  if (!config.has("scorer.cosine") && !config.optional_text("scorer.checkpoint_path"))
    throw ConfigError(
        "score test needs a fitted scorer; give scorer.checkpoint_path=FILE, which balr score "
        "train writes, or scorer=cosine");
}

}  // namespace balr
