#include <iostream>

#include "app/compute/runs.hpp"
#include "app/compute/scorer_choice.hpp"
#include "balr/core/atomic_file.hpp"
#include "balr/dist/world.hpp"
#include "balr/score/explain_trial.hpp"

namespace balr {

ExitCode run_explain(const ExplainCommand& command, World& world, const StopFlag& /*stop*/) {
  ExplainOptions options;
  options.data = {command.input, command.root_dir, command.audio_formats};
  options.trials = command.trials;
  if (command.separator) options.separator = command.separator->front();
  options.header = command.header;
  options.scorer = scorer_choice(command.config);
  if (command.row) options.row = static_cast<std::int64_t>(*command.row);
  const Explanation explanation = explain_trial(options, world);
  all_agree(world, "writing the explanation", [&] {
    if (world.rank() != 0) return;
    const std::string json = explanation_json(explanation);
    const auto top = static_cast<std::int64_t>(command.top);
    std::cout << (command.json ? json : explanation_text(explanation, top)) << std::flush;
    if (!command.save_dir) return;
    std::filesystem::create_directories(*command.save_dir);
    write_file_atomically(*command.save_dir / "explanation.json", json);
  });
  return ExitCode::kOk;
}

}  // namespace balr
