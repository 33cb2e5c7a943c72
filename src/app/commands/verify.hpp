#pragma once
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class VerifyCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;

  std::filesystem::path path;
};

}  // namespace balr
