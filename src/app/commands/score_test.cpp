#include "app/commands/score_test.hpp"

#include "app/commands/score_checks.hpp"

namespace balr {

CommandInfo ScoreTestCommand::info() {
  return {
      .name = "score test",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Score trials and compute metrics",
      .description =
          "TEST is what binarize wrote, or anything with binary attributes; for\n"
          "scorer=embedding_cosine anything with embeddings. TRIALS has a trial a line: the\n"
          "columns enrollment and test, or two ids, or `1 a b`, or `a b target`; several\n"
          "recordings of a side are joined by commas. Writes scores.csv (scores are natural\n"
          "logarithms of likelihood ratios, but for cosines) and metrics.json.",
      .examples =
          "balr score test --save-dir runs/score/dna test.csv trials.tsv scorer=dna "
          "scorer.checkpoint_path=runs/scorer/dna/scorer.pt\n"
          "mpirun -n 4 balr score test --plots attributes/test trials.txt "
          "scorer.checkpoint_path=runs/scorer/beta/scorer.pt\n"
          "balr score test --sep , test.csv trials.csv scorer=cosine\n"
          "balr score test embeddings/test trials.tsv scorer=embedding_cosine "
          "scorer.mean=embeddings/dev",
      .overrides = true,
  };
}

void ScoreTestCommand::declare(OptionList& list) {
  list.argument("TEST", input, PathCheck::kExists, "binary attributes of recordings");
  list.argument("TRIALS", trials, PathCheck::kExistingFile, "which recordings to compare");
  declare_exist_ok(list, "replace the results in --save-dir");
  list.value("--sep", separator_,
             {"TEXT", "between the columns of TRIALS, one character [default: found out]"});
  list.flag_pair("--header", header, "found out", "the first line of TRIALS names the columns");
  list.value("--round", round_, {"N", "scores.csv in the Python balr's form, with N decimals"});
  list.value("--allow-missing", allow_missing_,
             {"FRACTION", "trials that may have no score before exit 65 [default: 0]"});
  list.flag("--allow-overlap", allow_overlap,
            "score people whom the scorer was fitted on, with a warning");
  list.flag("--plots", plots, "DET, Tippett, histogram, reliability and ECE plots as SVG");
  list.value("--bootstrap", bootstrap, {"N", "replicates of the confidence intervals; 0: none"});
  declare_run_options(list, "runs/score");
}

std::string checked_separator(const std::string& typed) {
  const std::string separator = typed == "\\t" ? "\t" : typed;
  if (separator.size() != 1 || separator == "\n" || separator == "\"")
    throw ConfigError("Invalid value for '--sep': give one character, e.g. , or \\t");
  return separator;
}

void ScoreTestCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  exist_ok = config.flag("exist_ok");
  if (!save_dir) save_dir = "runs/score";
  separator_given = separator_.has_value();
  if (separator_) separator = checked_separator(*separator_);
  if (round_) {
    if (!(*round_ >= 0 && *round_ <= 17) || *round_ != static_cast<int>(*round_))
      throw ConfigError("Invalid value for '--round': give a number of decimals from 0 to 17");
    decimals = static_cast<int>(*round_);
  }
  allow_missing = allow_missing_.value_or(0);
  if (!(allow_missing >= 0 && allow_missing <= 1))
    throw ConfigError("Invalid value for '--allow-missing': give a share from 0 to 1");
  if (bootstrap > 1000000)
    throw ConfigError("Invalid value for '--bootstrap': give at most 1000000 replicates");
  check_scorer(config, "score test");
  check_checkpoint(config, "score test");
}

}  // namespace balr
