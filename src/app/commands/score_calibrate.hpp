#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

class ScoreCalibrateCommand : public Command {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path from, scores;  // scores: empty, none
  std::filesystem::path save_dir = "runs/calibration";
  double target_prior = 0.5, regularization = 0;
  std::string bounds = "elub";
  std::string cross_validate;  // speakers; empty: no
  bool allow_overlap = false, plots = false, exist_ok = false;
  std::uint64_t bootstrap = 1000;
  std::string population, propositions;

 private:
  std::string scores_;
  std::optional<double> target_prior_, regularization_;
};

}  // namespace balr
