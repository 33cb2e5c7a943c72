#pragma once
#include <optional>
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"
#include "balr/core/config.hpp"

namespace balr {

// --config-path and --config-name.
struct ConfigChoice {
  std::optional<std::string> path, name;
};
void declare_config(OptionList& list, ConfigChoice& choice);
// Defaults < the chosen file < overrides. Throws ConfigError.
Config make_config(const ConfigChoice& choice, std::span<const std::string> overrides);

// What extract, train, binarize, score train and score test have in common: the configuration and
// the options of every run.
class RunCommand : public Command {
 public:
  void finish(std::span<const std::string> overrides) override;

  Config config;                                  // defaults < file < overrides < options
  std::optional<std::filesystem::path> save_dir;  // option, else key save_dir
  std::filesystem::path root_dir;                 // empty: the folder of the CSV
  std::vector<std::string> audio_formats;         // suffixes without dot
  std::string device = "cpu";                     // cpu, cuda, cuda:N
  std::optional<double> stop_before_end_minutes;  // before the end of the Slurm job

 protected:
  // `save_dir_default` is shown only; the command sets it in its finish().
  void declare_run_options(OptionList& list, const std::string& save_dir_default);
  // For commands that have them; the last two are keys of the configuration too.
  void declare_stop(OptionList& list);
  void declare_save_output(OptionList& list);
  void declare_exist_ok(OptionList& list, const std::string& help);

 private:
  ConfigChoice file_;
  std::optional<std::string> save_dir_, device_;
  std::optional<bool> save_output_, exist_ok_;
  std::vector<std::string> formats_;
};

}  // namespace balr
