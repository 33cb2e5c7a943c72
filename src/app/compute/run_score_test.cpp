#include "app/compute/runs.hpp"
#include "app/compute/scorer_choice.hpp"
#include "balr/dist/world.hpp"

namespace balr {

ExitCode run_score_test(const ScoreTestCommand& command, World& world, const StopFlag& stop) {
  ScoreTrialsOptions options;
  all_agree(world, "checking the command line", [&] {
    options.data = {command.input, command.root_dir, command.audio_formats};
    options.trials = command.trials;
    if (command.separator_given) options.separator = command.separator.front();
    options.header = command.header;
    options.scorer = scorer_choice(command.config);
    options.save_dir = command.save_dir.value_or("runs/score");
    options.exist_ok = command.exist_ok;
    options.decimals = command.decimals;
    options.allow_missing = command.allow_missing;
    options.allow_overlap = command.allow_overlap;
    options.plots = command.plots;
    options.bootstrap = static_cast<int>(command.bootstrap);
    options.num_threads = command.config.integer("num_threads");
    options.population = command.config.optional_text("population").value_or("");
    options.propositions = command.config.optional_text("propositions").value_or("");
    options.config_yaml = command.config.to_yaml();
    options.program_version = BALR_VERSION;
  });
  return score_trials(options, world, stop);
}

}  // namespace balr
