#pragma once
#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class StatusCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;

  std::filesystem::path folder;
  std::string field;  // one of the names that it prints; empty: all
};

}  // namespace balr
