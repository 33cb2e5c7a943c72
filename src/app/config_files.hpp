#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace balr {

// The folder of the running program.
std::filesystem::path program_folder();

// The YAML file that --config-path and --config-name mean; nothing: the defaults. Throws
// ConfigError.
std::optional<std::filesystem::path> find_config_file(const std::optional<std::string>& path,
                                                      const std::optional<std::string>& name);

}  // namespace balr
