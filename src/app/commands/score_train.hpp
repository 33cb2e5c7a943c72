#pragma once
#include "app/run_command.hpp"

namespace balr {

class ScoreTrainCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input;
  bool exist_ok = false;
};

}  // namespace balr
