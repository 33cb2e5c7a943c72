#include "app/compute/runs.hpp"
#include "balr/dist/world.hpp"
#include "balr/train/trainer.hpp"

namespace balr {

ExitCode run_train(const TrainCommand& command, World& world, const StopFlag& stop) {
  TrainOptions options;
  all_agree(world, "checking the command line", [&] {
    options.train_input = command.train_input;
    options.test_input = command.test_input;
    options.save_dir = command.save_dir.value_or("runs/train");
    options.root_dir = command.root_dir;
    options.device = command.device;
    options.exist_ok = command.exist_ok;
    options.resume = command.resume;
    options.must_resume = command.must_resume;
    options.settings = train_settings(command.config);
    options.config_yaml = command.config.to_yaml();
    options.config_identity = command.config.identity(KeyRole::kTrainIdentity);
    options.program_version = BALR_VERSION;
  });
  return train(options, world, stop);
}

}  // namespace balr
