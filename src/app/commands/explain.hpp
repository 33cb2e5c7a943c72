#pragma once
#include <cstdint>

#include "app/run_command.hpp"

namespace balr {

class ExplainCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input, trials;
  std::optional<std::string> separator;  // one byte; nothing: found out
  std::optional<bool> header;            // nothing: found out
  std::optional<std::uint64_t> row;      // which trial, from 1; nothing: the only one
  std::uint64_t top = 20;
  bool json = false;

 private:
  std::optional<double> row_;
};

}  // namespace balr
