#pragma once
#include "app/run_command.hpp"

namespace balr {

class BinarizeCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input;
  bool force = false, save_output = true;
  std::string format = "hdf5";
};

}  // namespace balr
