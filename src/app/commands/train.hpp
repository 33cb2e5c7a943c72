#pragma once
#include "app/run_command.hpp"

namespace balr {

class TrainCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path train_input, test_input;
  bool exist_ok = false, resume = true, must_resume = false;
};

}  // namespace balr
