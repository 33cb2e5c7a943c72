#pragma once
#include "app/run_command.hpp"

namespace balr {

class ExtractCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input;
  std::filesystem::path reuse;  // folder of an older extraction; empty: none
  bool force = false, save_output = true;
};

}  // namespace balr
