#pragma once
#include "app/run_command.hpp"

namespace balr {

class ScoreTestCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input, trials;
  bool exist_ok = false;
  std::string separator = "\t";  // of the trials and of scores.csv; one byte
};

}  // namespace balr
