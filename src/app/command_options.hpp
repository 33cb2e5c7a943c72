#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace balr {

// Options as typed, before a CommandLine is made of them. What was not given stays empty.
struct TypedOptions {
  std::optional<std::string> save_dir, root_dir, device, config_path, config_name, log_level,
      log_dir, audio, model;
  std::vector<std::string> audio_formats;
  std::optional<bool> force, save_output, exist_ok, resume;
  bool must_resume = false, json = false;
  std::optional<double> stop_before_end;
  std::optional<std::uint64_t> seed;
};

// One command of the program.
struct CommandInfo {
  std::string name;                      // as typed: "model init"
  std::string id;                        // CommandLine::command
  std::vector<std::string> positionals;  // those it must have
  bool overrides;                        // more positionals are overrides
  std::string help;
  void (*add_options)(CLI::App&, TypedOptions&);
};

const std::vector<CommandInfo>& commands();

}  // namespace balr
