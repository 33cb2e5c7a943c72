#pragma once
#include <string>
#include <vector>

#include "app/option_list.hpp"
#include "balr/app/command.hpp"

namespace balr {

// What export and import take alike.
class ConvertCommand : public Command {
 public:
  void finish(std::span<const std::string> overrides) override;

  std::filesystem::path input, root_dir;
  std::vector<std::string> audio_formats;  // suffixes without dot
  bool force = false;
  std::string input_format;  // h5, ark, scp, npy; empty: what the name says

 protected:
  void declare_input(OptionList& list);
};

class ExportCommand : public ConvertCommand {
 public:
  static CommandInfo info();
  void declare(OptionList& list) override;
  void finish(std::span<const std::string> overrides) override;

  std::string format = "pkl";  // pkl, txt, npy, ark
  std::string kind = "embedding";
  std::filesystem::path out;
};

}  // namespace balr
