#pragma once
#include <string>
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class ModelInitCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path folder, audio;
  std::vector<std::string> audio_formats;  // suffixes without dot
  std::uint64_t seed = 1234;
  std::string model = "ResNet34";
};

}  // namespace balr
