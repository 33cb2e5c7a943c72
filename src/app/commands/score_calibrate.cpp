#include "app/commands/score_calibrate.hpp"

namespace balr {

CommandInfo ScoreCalibrateCommand::info() {
  return {
      .name = "score calibrate",
      .group = Group::kWork,
      .program = Program::kFiles,
      .summary = "From scores to bounded likelihood ratios",
      .description =
          "FROM is a scores.csv of `score test` with labels, which a calibration is fitted to\n"
          "(prior-weighted logistic regression), or the calibration.json of an earlier call.\n"
          "SCORES, trials of other people, are calibrated with it: raw and bounded log-LRs side\n"
          "by side, how many trials the bounds cut, and metrics where the labels are known.",
      .examples =
          "balr score calibrate dev/scores.csv test/scores.csv --save-dir runs/lr --plots\n"
          "balr score calibrate runs/lr/calibration.json case/scores.csv --save-dir runs/case\n"
          "balr score calibrate small/scores.csv --cross-validate speakers --regularization 1",
  };
}

void ScoreCalibrateCommand::declare(OptionList& list) {
  list.argument("FROM", from, PathCheck::kExistingFile,
                "scores.csv with labels, or calibration.json");
  list.optional_argument("SCORES", scores_,
                         {"PATH", "scores.csv to calibrate", {}, Completes::kFiles});
  list.value("--save-dir", save_dir, {"PATH", "folder for the results", {}, Completes::kFolders});
  list.flag("--exist-ok", exist_ok, "replace the results in --save-dir");
  list.value("--prior", target_prior_,
             {"P", "weight of the same-speaker trials in the fit [default: 0.5]"});
  list.value("--regularization", regularization_,
             {"KAPPA", "pull LRs towards 1, as KAPPA trials without information [default: 0]"});
  list.value("--bounds", bounds, {"METHOD", "limits of what is reported", {"elub", "none"}});
  list.value("--cross-validate", cross_validate,
             {"WHAT", "calibrate FROM itself, each trial without its speakers", {"speakers"}});
  list.flag("--allow-overlap", allow_overlap,
            "let FROM and SCORES share people or recordings, with a warning");
  list.flag("--plots", plots, "DET, Tippett, histogram, reliability and ECE plots as SVG");
  list.value("--bootstrap", bootstrap, {"N", "replicates of the confidence intervals; 0: none"});
  list.value("--population", population, {"TEXT", "the relevant population, kept in the results"});
  list.value("--propositions", propositions, {"TEXT", "the two propositions, kept in the results"});
  declare_log(list, log);
}

void ScoreCalibrateCommand::finish(std::span<const std::string> /*overrides*/) {
  scores = scores_;
  if (!scores_.empty()) check_path("SCORES", scores, PathCheck::kExistingFile);
  target_prior = target_prior_.value_or(0.5);
  if (!(target_prior > 0 && target_prior < 1))
    throw ConfigError("Invalid value for '--prior': give a number between 0 and 1");
  regularization = regularization_.value_or(0);
  if (!(regularization >= 0 && regularization <= 1e9))
    throw ConfigError("Invalid value for '--regularization': give 0, or a number of pseudo-trials");
  if (bootstrap > 1000000)
    throw ConfigError("Invalid value for '--bootstrap': give at most 1000000 replicates");
}

}  // namespace balr
