#include "app/commands/train.hpp"

namespace balr {

CommandInfo TrainCommand::info() {
  return {
      .name = "train",
      .group = Group::kWork,
      .program = Program::kRanks,
      .summary = "Train a binary-attribute auto-encoder",
      .description =
          "TRAIN and VAL are CSVs that were extracted, folders that extract wrote, or .h5 files.\n"
          "Writes last.pt, best.pt, history.csv, TensorBoard events and checkpoints. The same\n"
          "command again continues an unfinished run.",
      .examples =
          "balr train --save-dir train/mse dev.csv test.csv trainer.epochs=200 "
          "'trainer.losses=[mse]'\n"
          "mpirun -n 4 balr train --config-name recipe --device cuda dev.csv test.csv",
      .overrides = true,
  };
}

void TrainCommand::declare(OptionList& list) {
  list.argument("TRAIN", train_input, PathCheck::kExists, "embeddings to train on");
  list.argument("VAL", test_input, PathCheck::kExists, "embeddings to validate on");
  declare_exist_ok(list, "use exactly --save-dir; refuse another run's folder");
  list.flag_pair("--resume", resume, "continue the same run if it is unfinished");
  list.flag("--must-resume", must_resume, "fail if there is nothing to continue");
  declare_stop(list);
  declare_run_options(list, "runs/train");
}

void TrainCommand::finish(std::span<const std::string> overrides) {
  RunCommand::finish(overrides);
  exist_ok = config.flag("exist_ok");
  if (!save_dir) save_dir = "runs/train";
  if (must_resume && !resume)
    throw ConfigError("--must-resume and --no-resume exclude each other; give one of them");
}

}  // namespace balr
