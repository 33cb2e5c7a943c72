#pragma once
#include <cstdint>
#include <string>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class ModelFetchCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::string repo, revision = "main", model_name, config_name;
  std::uint64_t attempts = 6;
};

}  // namespace balr
