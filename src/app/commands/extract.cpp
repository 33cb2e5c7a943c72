#include "app/commands/extract.hpp"

namespace balr {

CommandInfo ExtractCommand::info() {
  return {
      .name = "extract",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Speaker embeddings of speech files",
      .description =
          "Writes embeddings.h5, failures.csv and metadata.csv. A bad file costs its row, never "
          "the\n"
          "run. The same command again does only what is missing, on any number of processes.",
      .examples =
          "balr extract --save-dir embeddings/dev --device cuda dev.csv\n"
          "balr extract speech/ --audio-formats wav --audio-formats flac num_threads=8\n"
          "srun -n 16 balr extract --save-dir embeddings/dev --device cuda dev.csv "
          "embeddings.model.model_repo=/models/resnet34",
      .overrides = true,
  };
}

void ExtractCommand::declare(OptionList& list) {
  list.argument("INPUT", input, PathCheck::kExists, "CSV, folder of speech, or one file");
  list.flag_pair("--force", force, "replace results of another configuration");
  list.value("--reuse", reuse,
             {"PATH",
              "folder of an older extraction, whose rows are taken over where id, path, size and "
              "time of the file are the same",
              {},
              Completes::kFolders});
  declare_save_output(list);
  declare_stop(list);
  declare_run_options(list, "INPUT_embeddings beside the input");
}

void ExtractCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  save_output = config.flag("save_output");
  if (!config.has("embeddings.model"))
    throw ConfigError("extract needs embeddings.model; leave out ~embeddings.model");
}

}  // namespace balr
