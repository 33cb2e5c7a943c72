#include "app/commands/explain.hpp"

#include "app/commands/score_checks.hpp"
#include "app/commands/score_test.hpp"

namespace balr {

CommandInfo ExplainCommand::info() {
  return {
      .name = "explain",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Which attributes make the score of a trial",
      .description =
          "Takes the score of one trial apart: what each binary attribute adds to the log-LR, the\n"
          "largest first. TEST and TRIALS as for `balr score test`.",
      .examples =
          "balr explain test.csv trials.tsv --row 12 "
          "scorer.checkpoint_path=runs/scorer/beta/scorer.pt\n"
          "balr explain --json test.csv trials.tsv --row 12 scorer=dna "
          "scorer.checkpoint_path=runs/scorer/dna/scorer.pt",
      .overrides = true,
  };
}

void ExplainCommand::declare(OptionList& list) {
  list.argument("TEST", input, PathCheck::kExists, "binary attributes of recordings");
  list.argument("TRIALS", trials, PathCheck::kExistingFile, "which recordings to compare");
  list.value("--row", row_, {"N", "which trial, from 1 [default: the only one]"});
  list.value("--top", top, {"N", "attributes to show"});
  list.flag("--json", json, "print all attributes as JSON");
  list.value("--sep", separator,
             {"TEXT", "between the columns of TRIALS, one character [default: found out]"});
  list.flag_pair("--header", header, "found out", "the first line of TRIALS names the columns");
  declare_run_options(list, "none: nothing is written");
}

void ExplainCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  if (separator) separator = checked_separator(*separator);
  if (row_) {
    if (!(*row_ >= 1 && *row_ < 9e15) ||
        *row_ != static_cast<double>(static_cast<std::uint64_t>(*row_)))
      throw ConfigError("Invalid value for '--row': give the number of a trial, from 1");
    row = static_cast<std::uint64_t>(*row_);
  }
  check_scorer(config, "explain");
  check_checkpoint(config, "explain");
}

}  // namespace balr
