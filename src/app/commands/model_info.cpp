#include "app/commands/model_info.hpp"

#include "balr/core/config.hpp"

namespace balr {

CommandInfo ModelInfoCommand::info() {
  return {
      .name = "model info",
      .group = Group::kModels,
      .program = Program::kCompute,
      .summary = "Show a model's architecture, tensors, parameters and hash",
      .description =
          "MODEL is a file (.pt or .safetensors), a folder with weights and config.yaml, or\n"
          "the name of a repository that is in the cache. Exit code 65 if the weights do not\n"
          "fit the architecture.",
      .examples =
          "balr model info train/mse/best.pt\n"
          "balr model info Wespeaker/wespeaker-voxceleb-resnet34-LM --json",
  };
}

void ModelInfoCommand::declare(OptionList& list) {
  const Config defaults;
  model_name = defaults.text("embeddings.model.model_name");
  config_name = defaults.text("embeddings.model.config_name");
  list.argument("MODEL", model, {"PATH", "file, folder or repository", {}, Completes::kFiles});
  list.flag("--json", json, "as JSON");
  list.value("--revision", revision, {"NAME", "branch, tag or commit of the repository"});
  list.value("--model-name", model_name, {"FILE", "file of the weights, as embeddings.model.model_name"});
  list.value("--config-name", config_name, {"FILE", "file of the architecture, as embeddings.model.config_name"});
  declare_log(list, log);
}

}  // namespace balr
