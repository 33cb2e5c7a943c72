#pragma once
#include <string>
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

// `balr help train` is `balr train --help`.
class HelpCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::vector<std::string> words;
};

}  // namespace balr
