#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class CompletionCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::string shell;  // bash or zsh
  bool install = false;
  bool complete = false;           // answer for `words`, which the script asks
  std::vector<std::string> words;  // after the name of the program; the last one is being typed
};

}  // namespace balr
