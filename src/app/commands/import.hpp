#pragma once
#include "app/commands/export.hpp"

namespace balr {

class ImportCommand : public ConvertCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path save_dir;
};

}  // namespace balr
