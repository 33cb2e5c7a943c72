#include "app/commands/binarize.hpp"

#include "app/commands/score_checks.hpp"

namespace balr {

CommandInfo BinarizeCommand::info() {
  return {
      .name = "binarize",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Binary attributes of embeddings",
      .description =
          "Encodes each embedding with a trained auto-encoder and writes attributes.h5 and\n"
          "metadata.csv. A run that was stopped goes on with the same command.",
      .examples =
          "balr binarize --save-dir attributes/dev dev.csv "
          "encoder.model.checkpoint_path=train/mse/best.pt",
      .overrides = true,
  };
}

void BinarizeCommand::declare(OptionList& list) {
  list.argument("INPUT", input, PathCheck::kExists, "embeddings: CSV, folder of extract, or .h5");
  list.flag_pair("--force", force, "encode again what is there already");
  list.value("--format", format,
             {"FORMAT",
              "hdf5: the store; pkl, txt: the Python balr's _ba files besides",
              {"hdf5", "pkl", "txt"}});
  declare_save_output(list);
  declare_exist_ok(list, "of the Python balr, where it has no effect");
  declare_run_options(list, "beside the input");
}

void BinarizeCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  save_output = config.flag("save_output");
  check_encoder(config, "binarize");
  if (config.integer("data.batch_size") < 1)
    throw ConfigError("data.batch_size must be at least 1");
}

}  // namespace balr
