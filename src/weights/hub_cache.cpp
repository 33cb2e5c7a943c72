#include "balr/weights/hub_cache.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "weights/hub_layout.hpp"
#include "weights/hub_settings.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string fetch_command(const ModelRequest& request) {
  std::string command = "balr model fetch " + request.repo;
  if (request.revision != "main") command += " --revision " + request.revision;
  if (request.model_name != ModelRequest().model_name) command += " --model-name " + request.model_name;
  if (request.config_name != ModelRequest().config_name) command += " --config-name " + request.config_name;
  return "`" + command + "`";
}

[[noreturn]] void not_in_cache(const ModelRequest& request, const fs::path& folder, const std::string& why) {
  throw ConfigError("the model " + request.repo + " is not in the cache: " + why + " in " + folder.string() +
                    "; nothing is downloaded (compute nodes have no network), so run " + fetch_command(request) +
                    " where there is one, or set embeddings.model.model_repo to a folder with the model's files");
}

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_file(at->path())) names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::istringstream in(read_file(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

ModelFolder find_snapshot(const ModelRequest& request, const Environment& environment) {
  const HubFolder cached = hub_folder(hub_cache_folder(environment), request.repo);
  if (!is_safe_name(request.revision))
    throw ConfigError("embeddings.model.revision=" + request.revision + " is no branch, tag or commit; use main or a commit");
  if (is_commit(request.revision)) {
    if (!is_folder(cached.snapshot(request.revision))) not_in_cache(request, cached.root, "there is no snapshot of that revision");
    return {cached.snapshot(request.revision), request.revision};
  }
  if (!is_file(cached.ref(request.revision))) not_in_cache(request, cached.root, "there is no refs/" + request.revision);
  const std::string commit = trimmed(read_file(cached.ref(request.revision)));
  if (!is_commit(commit) || !is_folder(cached.snapshot(commit)))
    not_in_cache(request, cached.root, "the snapshot that refs/" + request.revision + " names is missing");
  return {cached.snapshot(commit), commit};
}

ModelFolder find_folder(const ModelRequest& request, const Environment& environment) {
  const bool local = is_model_path(request.repo);
  const fs::path folder = local ? expand_variables(request.repo, environment) : request.repo;
  if (is_folder(folder)) return {folder, ""};
  if (local)
    throw ConfigError("the model folder " + folder.string() +
                      " does not exist; set embeddings.model.model_repo to a folder with the model's files");
  return find_snapshot(request, environment);
}

// Where the repository's whole listing is known, the weights are chosen from that, and must be here.
std::string weights_name(const ModelRequest& request, const ModelFolder& folder, const Environment& environment) {
  const HubFolder cached = hub_folder(hub_cache_folder(environment), request.repo);
  if (!is_file(cached.listing(folder.revision))) return request.model_name;
  const auto chosen = choose_weights(lines_of(cached.listing(folder.revision)), request.model_name);
  if (chosen && !is_file(folder.path / *chosen)) not_in_cache(request, folder.path, "there is no " + *chosen);
  return chosen.value_or(request.model_name);
}

ModelFiles files_of_snapshot(const ModelRequest& request, const ModelFolder& folder, const Environment& environment) {
  const std::string name = weights_name(request, folder, environment);
  if (!is_file(folder.path / request.config_name)) not_in_cache(request, folder.path, "there is no " + request.config_name);
  ModelFiles files = find_model_files(folder.path, name, request.config_name);
  files.revision = folder.revision;
  if (name != request.model_name)
    files.note = "the model " + request.repo + " has no file " + request.model_name + ": " + name + " is taken";
  return files;
}

ModelFiles find_without_fallback(const ModelRequest& request, const Environment& environment) {
  const ModelFolder folder = find_folder(request, environment);
  if (folder.revision.empty()) return find_model_files(folder.path, request.model_name, request.config_name);
  return files_of_snapshot(request, folder, environment);
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    return value;
  };
}

bool is_model_path(const std::string& repo) {
  return !repo.empty() && (repo[0] == '/' || repo[0] == '.' || repo[0] == '~');
}

ModelFolder find_model_folder(const std::string& repo, const Environment& environment, const std::string& revision) {
  ModelRequest request;
  request.repo = repo;
  request.revision = revision;
  return find_folder(request, environment);
}

ModelFiles find_cached_model(const ModelRequest& request, const Environment& environment) {
  return files_of_snapshot(request, find_snapshot(request, environment), environment);
}

ModelFiles find_model(const ModelRequest& request, const Environment& environment) {
  if (request.model_dir.empty()) return find_without_fallback(request, environment);
  try {
    return find_without_fallback(request, environment);
  } catch (const ConfigError&) {
    ModelRequest local = request;
    local.repo = fs::absolute(expand_variables(request.model_dir, environment)).string();
    if (!is_folder(local.repo))
      throw ConfigError("neither is the model " + request.repo + " in the cache, nor is there a folder embeddings.model.model_dir=" +
                        request.model_dir + "; correct it, or run " + fetch_command(request) + " where there is a network");
    ModelFiles files = find_without_fallback(local, environment);
    files.note = "the model " + request.repo + " is not here: that in embeddings.model.model_dir=" + request.model_dir +
                 " is taken" + (files.note.empty() ? "" : "; " + files.note);
    return files;
  }
}

std::optional<std::string> choose_weights(const std::vector<std::string>& names, const std::string& wanted) {
  const auto is_there = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  std::vector<std::string> stems{wanted};
  if (wanted.ends_with('s')) stems.push_back(wanted.substr(0, wanted.size() - 1));
  for (const std::string& stem : stems)
    for (const char* ending : {"", ".pt", ".safetensors"})
      if (!stem.empty() && is_there(stem + ending)) return stem + ending;
  for (const char* ending : {".pt", ".safetensors"}) {
    const auto fits = [&](const std::string& name) {
      return name.ends_with(ending) && name.find('/') == std::string::npos;
    };
    const auto count = std::count_if(names.begin(), names.end(), fits);
    if (count == 1) return *std::find_if(names.begin(), names.end(), fits);
    if (count > 1) return std::nullopt;
  }
  return std::nullopt;
}

ModelFiles find_model_files(const fs::path& folder, const std::string& model_name, const std::string& config_name) {
  std::vector<std::string> names = files_in(folder);
  // A name may also lead into a folder below.
  for (const char* ending : {"", ".pt", ".safetensors"})
    if (model_name.find('/') != std::string::npos && is_safe_name(model_name) && is_file(folder / (model_name + ending)))
      names.push_back(model_name + ending);
  const auto found = choose_weights(names, model_name);
  if (!found)
    throw ConfigError("the model folder " + folder.string() + " has no weights called " + model_name +
                      "; set embeddings.model.model_name to one of its files: " + listed(names));
  ModelFiles files;
  files.folder = folder;
  files.weights = folder / *found;
  files.config = folder / config_name;
  if (*found != model_name) files.note = "the model folder has no file " + model_name + ": " + *found + " is taken";
  if (!is_file(files.config))
    throw ConfigError("the model folder " + folder.string() + " has no " + config_name +
                      "; set embeddings.model.config_name to one of its files: " + listed(names));
  return files;
}

}  // namespace balr
