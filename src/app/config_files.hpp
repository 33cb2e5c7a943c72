#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace balr {

// The folder of the running program.
std::filesystem::path program_folder();

// The YAML file that --config-path and --config-name mean; nothing: the defaults. Throws
// ConfigError.
std::optional<std::filesystem::path> find_config_file(const std::optional<std::string>& path,
                                                      const std::optional<std::string>& name);

// The names of the presets that lie beside the program or are installed.
std::vector<std::string> preset_names();

}  // namespace balr
