#include "app/compute/runs.hpp"
#include "app/compute/scorer_choice.hpp"
#include "balr/dist/world.hpp"

namespace balr {

ExitCode run_score_train(const ScoreTrainCommand& command, World& world, const StopFlag& /*stop*/) {
  TrainScorerOptions options;
  all_agree(world, "checking the command line", [&] {
    options.input = command.input;
    options.root = command.root_dir;
    options.audio_formats = command.audio_formats;
    options.save_dir = command.save_dir.value_or("runs/scorer/train");
    options.exist_ok = command.exist_ok;
    options.settings = fit_settings(command.config);
    options.attributes = expected_attributes(command.config);
    options.population = command.config.optional_text("population").value_or("");
    options.propositions = command.config.optional_text("propositions").value_or("");
    options.num_threads = command.config.integer("num_threads");
    options.config_yaml = command.config.to_yaml();
    options.program_version = BALR_VERSION;
  });
  return train_scorer(options, world);
}

}  // namespace balr
