#pragma once
#include <cstdint>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class TrialsCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input, out;
  std::uint64_t seed = 1234, per_speaker = 10;
  std::string exclude_same;
  bool all = false, force = false;
};

}  // namespace balr
