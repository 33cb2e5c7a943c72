#pragma once
#include "app/run_command.hpp"

namespace balr {

class ConfigCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  Config config;
  bool json = false;

 private:
  ConfigChoice file_;
};

}  // namespace balr
