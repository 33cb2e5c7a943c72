#include "app/commands/model_init.hpp"

#include "balr/core/config.hpp"

namespace balr {

CommandInfo ModelInitCommand::info() {
  return {
      .name = "model init",
      .group = Group::kModels,
      .program = Program::kCompute,
      .summary = "Make an untrained speaker model, for trials",
      .description = "Writes the weights and config.yaml into DIR.",
      .examples =
          "balr model init models/trial --audio dev.csv\n"
          "balr extract dev.csv embeddings.model.model_repo=./models/trial",
  };
}

void ModelInitCommand::declare(OptionList& list) {
  list.argument("DIR", folder, PathCheck::kAny, "folder to write");
  list.value("--audio", audio,
             {"PATH",
              "CSV or folder of speech, from which the statistics are taken (needed)",
              {},
              Completes::kFiles});
  list.value("--seed", seed, {"N", "of the random weights"});
  list.value("--model", model, {"NAME", "architecture"});
  declare_log(list, log);
}

void ModelInitCommand::finish(std::span<const std::string> /*overrides*/) {
  if (audio.empty())
    throw ConfigError("Missing option '--audio'; give a CSV or a folder of speech");
  check_path("--audio", audio, PathCheck::kExists);
  audio_formats = Config().list("audio_formats");
}

}  // namespace balr
