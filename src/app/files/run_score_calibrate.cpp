#include "app/files/runs.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/score/calibrate_scores.hpp"

namespace balr {

ExitCode run_score_calibrate(const ScoreCalibrateCommand& command) {
  CalibrateOptions options;
  options.from = command.from;
  options.scores = command.scores;
  options.save_dir = command.save_dir;
  options.exist_ok = command.exist_ok;
  options.target_prior = command.target_prior;
  options.regularization = command.regularization;
  options.bounds = command.bounds == "elub";
  options.cross_validate = !command.cross_validate.empty();
  options.allow_overlap = command.allow_overlap;
  options.plots = command.plots;
  options.bootstrap = static_cast<int>(command.bootstrap);
  options.threads = usable_cores();
  options.population = command.population;
  options.propositions = command.propositions;
  options.program_version = BALR_VERSION;
  return calibrate_scores(options);
}

}  // namespace balr
