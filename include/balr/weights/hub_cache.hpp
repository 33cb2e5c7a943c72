#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// Where models lie: a local folder, or the cache that huggingface_hub and `balr model fetch` fill. Nothing is
// downloaded here.
namespace balr {

// The value of an environment variable; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct ModelRequest {
  std::string repo;                        // see find_model_folder
  std::string revision = "main";           // branch, tag or commit; of a repository on the hub only
  std::string model_name = "avg_model";    // see find_model_files
  std::string config_name = "config.yaml";
  std::string model_dir;                   // folder that is taken where the repo's model is not here; empty: none
};

struct ModelFolder {
  std::filesystem::path path;
  std::string revision;  // the commit, if it is a snapshot of the cache; else empty
};

// What an encoder is loaded from.
struct ModelFiles {
  std::filesystem::path folder, weights, config;
  std::string note;      // empty, or what was taken instead of what was named: to be logged
  std::string revision;  // as in ModelFolder
};

// The files of a model that is here. Throws ConfigError that says where it was looked for and what to do, such as the
// `balr model fetch` command that gets it.
ModelFiles find_model(const ModelRequest& request, const Environment& environment);
// The same in the cache only, whatever folders there are.
ModelFiles find_cached_model(const ModelRequest& request, const Environment& environment);

// A repo that starts with / . or ~, or is an existing folder, is that folder; any other is ORG/NAME in the cache of
// HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME or ~/.cache. Throws ConfigError.
ModelFolder find_model_folder(const std::string& repo, const Environment& environment,
                              const std::string& revision = "main");

// True: a path, never a name on the hub.
bool is_model_path(const std::string& repo);

// The weights are the first that exists of: name, name.pt, name.safetensors, then the three without a final s, then the
// folder's only *.pt, then its only *.safetensors. Throws ConfigError that lists what is there.
ModelFiles find_model_files(const std::filesystem::path& folder, const std::string& model_name,
                            const std::string& config_name);

// The same rule over the names of a folder's files; nothing if none fits.
std::optional<std::string> choose_weights(const std::vector<std::string>& names, const std::string& wanted);

}  // namespace balr
