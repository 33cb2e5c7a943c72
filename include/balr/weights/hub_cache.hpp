#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

// Where models lie: a local folder, or the cache that huggingface_hub fills. Nothing is downloaded here.
namespace balr {

// The value of an environment variable; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct ModelFolder {
  std::filesystem::path path;
  std::string revision;  // the commit, if it is a snapshot of the cache; else empty
};

// A repo that starts with / . or ~, or is an existing folder, is that folder; any other is ORG/NAME in the cache of
// HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME or ~/.cache, at the revision in refs/main.
// Throws ConfigError that says where it was looked for and what to do.
ModelFolder find_model_folder(const std::string& repo, const Environment& environment);

// What an encoder is loaded from.
struct ModelFiles {
  std::filesystem::path weights, config;
  std::string note;  // empty, or which file was taken instead of the named one: to be logged
};

// The weights are the first that exists of: name, name.pt, then both without a final s, then the folder's only *.pt.
// Throws ConfigError that lists what is there.
ModelFiles find_model_files(const std::filesystem::path& folder, const std::string& model_name,
                            const std::string& config_name);

}  // namespace balr
