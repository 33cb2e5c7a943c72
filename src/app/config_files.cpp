#include "app/config_files.hpp"

#include <set>

#include "balr/core/error.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

// The presets lie beside the program in the build folder; installed, below the prefix.
std::vector<fs::path> preset_folders() {
  const fs::path here = program_folder();
  return {here / "configs", here / "../share/balr/configs", here / "../../share/balr/configs"};
}

std::optional<fs::path> file_in(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const char* ending : {"", ".yaml", ".yml"})
    if (fs::is_regular_file(folder / (name + ending), ignored)) return folder / (name + ending);
  return std::nullopt;
}

}  // namespace

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

std::vector<std::string> preset_names() {
  std::set<std::string> names;
  std::error_code ignored;
  for (const fs::path& folder : preset_folders())
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".yaml") names.insert(entry.path().stem().string());
  return {names.begin(), names.end()};
}

std::optional<fs::path> find_config_file(const std::optional<std::string>& path,
                                         const std::optional<std::string>& name) {
  std::error_code ignored;
  if (path) {
    if (!fs::exists(*path, ignored))
      throw ConfigError("Invalid value for '--config-path': Path '" + *path + "' does not exist.");
    if (!fs::is_directory(*path, ignored)) {
      if (name) throw ConfigError("--config-path names a file already; leave out --config-name");
      return fs::path(*path);
    }
    const std::string wanted = name.value_or("config");
    if (auto file = file_in(*path, wanted)) return file;
    throw ConfigError("there is no configuration " + wanted + ".yaml in " + *path +
                      "; check --config-name");
  }
  if (!name || *name == "config") return std::nullopt;
  for (const fs::path& folder : preset_folders())
    if (auto file = file_in(folder, *name)) return file;
  std::string presets;
  for (const std::string& preset : preset_names())
    presets += (presets.empty() ? "" : ", ") + preset;
  throw ConfigError("there is no preset " + *name + "; " +
                    (presets.empty() ? "" : "there are " + presets + ", or ") +
                    "give --config-path");
}

}  // namespace balr
