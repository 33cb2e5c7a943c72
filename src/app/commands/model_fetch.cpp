#include "app/commands/model_fetch.hpp"

#include "balr/core/config.hpp"

namespace balr {

CommandInfo ModelFetchCommand::info() {
  return {
      .name = "model fetch",
      .group = Group::kModels,
      .program = Program::kFiles,
      .summary = "Download a speaker model from the Hugging Face hub",
      .description =
          "Run it where there is a network, such as a login node: extract never downloads.\n"
          "Gets the weights and the configuration into the cache that huggingface_hub uses\n"
          "too, goes on with what an earlier call left, checks each file's hash, and prints\n"
          "the model's folder. Variables: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN,\n"
          "HF_HUB_OFFLINE, https_proxy.",
      .examples =
          "balr model fetch Wespeaker/wespeaker-voxceleb-resnet34-LM\n"
          "HF_HOME=$SCRATCH/hf balr model fetch Wespeaker/wespeaker-voxceleb-resnet293-LM",
  };
}

void ModelFetchCommand::declare(OptionList& list) {
  const Config defaults;
  model_name = defaults.text("embeddings.model.model_name");
  config_name = defaults.text("embeddings.model.config_name");
  list.argument("REPO", repo, {"ORG/NAME", "repository of the model"});
  list.value("--revision", revision, {"NAME", "branch, tag or commit"});
  list.value("--model-name", model_name, {"FILE", "file of the weights, as embeddings.model.model_name"});
  list.value("--config-name", config_name, {"FILE", "file of the architecture, as embeddings.model.config_name"});
  list.value("--attempts", attempts, {"N", "how often in a row to try without a new byte"});
  declare_log(list, log);
}

void ModelFetchCommand::finish(std::span<const std::string> /*overrides*/) {
  if (attempts < 1 || attempts > 1000)
    throw ConfigError("Invalid value for '--attempts': give a number from 1 to 1000");
}

}  // namespace balr
