#include "balr/weights/hub_cache.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string home(const Environment& environment) { return environment("HOME").value_or("."); }

fs::path expand(const std::string& text, const Environment& environment) {
  if (text == "~" || text.starts_with("~/")) return home(environment) + text.substr(1);
  return text;
}

fs::path cache_root(const Environment& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const auto value = environment(name); value && !value->empty()) return expand(*value, environment);
  if (const auto value = environment("HF_HOME"); value && !value->empty()) return expand(*value, environment) / "hub";
  if (const auto value = environment("XDG_CACHE_HOME"); value && !value->empty())
    return expand(*value, environment) / "huggingface" / "hub";
  return fs::path(home(environment)) / ".cache" / "huggingface" / "hub";
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

fs::path find_model_folder(const std::string& repo, const Environment& environment) {
  if (repo.empty()) throw ConfigError("embeddings.model.model_repo is empty: give a folder or a repository ORG/NAME");
  const bool path = repo[0] == '/' || repo[0] == '.' || repo[0] == '~';
  const fs::path folder = expand(repo, environment);
  if (fs::is_directory(folder)) return folder;
  if (path) throw ConfigError("the model folder " + folder.string() + " does not exist: set embeddings.model.model_repo");

  std::string name = "models--" + repo;
  for (std::size_t at; (at = name.find('/')) != std::string::npos;) name.replace(at, 1, "--");
  const fs::path cached = cache_root(environment) / name;
  const fs::path ref = cached / "refs" / "main";
  const std::string advice =
      ": fill the cache on a machine with a network (compute nodes never use it), or give a folder as "
      "embeddings.model.model_repo";
  if (!fs::is_regular_file(ref))
    throw ConfigError("the model " + repo + " is not in the cache, " + cached.string() + advice);
  std::string revision = read_file(ref);
  while (!revision.empty() && (revision.back() == '\n' || revision.back() == ' ')) revision.pop_back();
  const fs::path snapshot = cached / "snapshots" / revision;
  if (revision.empty() || revision.find('/') != std::string::npos || !fs::is_directory(snapshot))
    throw ConfigError("the cache of the model " + repo + " has no snapshot " + snapshot.string() + advice);
  return snapshot;
}

fs::path find_model_file(const fs::path& folder, const std::string& name) {
  std::vector<std::string> names = {name, name + ".pt"};
  if (name.ends_with('s')) {
    const std::string singular = name.substr(0, name.size() - 1);
    names.insert(names.end(), {singular, singular + ".pt"});
  }
  for (const std::string& candidate : names) {
    if (candidate.empty() || !fs::is_regular_file(folder / candidate)) continue;
    if (candidate != name) spdlog::info("model_name={} stands for {}", name, (folder / candidate).string());
    return folder / candidate;
  }
  std::vector<fs::path> weights;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".pt") weights.push_back(entry.path());
  if (weights.size() == 1) {
    spdlog::info("model_name={} stands for {}, the only .pt file there", name, weights[0].string());
    return weights[0];
  }
  std::sort(weights.begin(), weights.end());
  std::string there;
  for (const fs::path& file : weights) there += (there.empty() ? "" : ", ") + file.filename().string();
  throw ConfigError("no model file " + name + " in " + folder.string() + " (there: " + (there.empty() ? "no .pt file" : there) +
                    "): set embeddings.model.model_name");
}

}  // namespace balr
