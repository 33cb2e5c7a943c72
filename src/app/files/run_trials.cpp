#include <spdlog/spdlog.h>

#include "app/files/runs.hpp"
#include "balr/score/make_trials.hpp"

namespace balr {

ExitCode run_trials(const TrialsCommand& command) {
  TrialFileOptions options;
  options.input = command.input;
  options.out = command.out;
  options.choice = {command.seed, static_cast<std::int64_t>(command.per_speaker), command.all};
  options.exclude_same = command.exclude_same;
  options.force = command.force;
  const TrialCounts counts = write_trials(options);
  spdlog::info("{} target and {} non-target trials of {} speakers are in {}", counts.target,
               counts.nontarget, counts.speakers, command.out.string());
  if (counts.without_targets > 0)
    spdlog::warn("{} speakers have no two recordings that may be compared", counts.without_targets);
  if (!command.all && counts.nontarget < counts.target)
    spdlog::warn("there are fewer non-target trials than target trials: too few pairs are allowed");
  return ExitCode::kOk;
}

}  // namespace balr
