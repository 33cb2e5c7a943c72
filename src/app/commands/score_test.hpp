#pragma once
#include <cstdint>

#include "app/run_command.hpp"

namespace balr {

class ScoreTestCommand : public RunCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input, trials;
  bool exist_ok = false;
  std::string separator = "\t";  // of the trials and of scores.csv; one byte
  bool separator_given = false;  // else it is found out
  std::optional<bool> header;    // nothing: found out
  std::optional<int> decimals;   // --round
  double allow_missing = 0;
  bool allow_overlap = false;
  bool plots = false;
  std::uint64_t bootstrap = 1000;

 private:
  std::optional<std::string> separator_;
  std::optional<double> round_, allow_missing_;
};

// One byte, "\t" written out or not. Throws ConfigError.
std::string checked_separator(const std::string& typed);

}  // namespace balr
