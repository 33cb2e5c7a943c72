#include "app/commands/trials.hpp"

#include "balr/core/error.hpp"

namespace balr {

CommandInfo TrialsCommand::info() {
  return {
      .name = "trials",
      .group = Group::kFiles,
      .program = Program::kFiles,
      .summary = "A list of trials from a CSV with speakers",
      .description =
          "Draws target and non-target trials, as many of the one as of the other: K of\n"
          "each for each speaker. No recording is compared with itself. The list depends on\n"
          "the seed, the ids and the speakers alone.",
      .examples =
          "balr trials test.csv --seed 1 --per-speaker 20\n"
          "balr trials test.csv --exclude-same session --out trials.tsv\n"
          "balr trials embeddings/test --all --out all.tsv",
  };
}

void TrialsCommand::declare(OptionList& list) {
  list.argument("INPUT", input, PathCheck::kExists,
                "CSV with id and speaker, or folder of extract or binarize");
  list.value("--seed", seed, {"N", "of the random choice"});
  list.value("--per-speaker", per_speaker, {"K", "target trials of a speaker, at most"});
  list.value("--exclude-same", exclude_same,
             {"COLUMN", "leave out pairs with the same value there, e.g. session"});
  list.flag("--all", all, "every pair, instead of as many of both kinds");
  list.value(
      "--out", out,
      {"PATH", "file to write; default: INPUT_trials.tsv beside the input", {}, Completes::kFiles});
  list.flag("--force", force, "replace the file");
  declare_log(list, log);
}

void TrialsCommand::finish(std::span<const std::string> /*overrides*/) {
  if (per_speaker < 1 || per_speaker > 1'000'000)
    throw ConfigError("--per-speaker must be between 1 and 1000000");
  if (!out.empty()) return;
  std::filesystem::path whole = std::filesystem::absolute(input).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  out = whole.parent_path() / (whole.stem().string() + "_trials.tsv");
}

}  // namespace balr
