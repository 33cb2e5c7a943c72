#include "balr/weights/hub_cache.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string home(const Environment& environment) { return environment("HOME").value_or("/"); }

// ~ at the start, and $NAME or ${NAME} anywhere, as huggingface_hub expands its settings; an unknown name stays.
std::string expand(const std::string& text, const Environment& environment) {
  std::string out;
  std::size_t at = 0;
  if (text == "~" || text.starts_with("~/")) out = home(environment), at = 1;
  while (at < text.size()) {
    const bool braces = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    if (text[at] == '$')
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    const bool closed = !braces || (end < text.size() && text[end] == '}');
    const auto value = end > begin && closed ? environment(text.substr(begin, end - begin)) : std::nullopt;
    if (value) {
      out += *value;
      at = end + (braces ? 1 : 0);
    } else {
      out += text[at++];
    }
  }
  return out;
}

fs::path cache_folder(const Environment& environment) {
  const auto setting = [&](const char* name) -> std::optional<std::string> {
    const auto value = environment(name);
    if (!value || value->empty()) return std::nullopt;
    return expand(*value, environment);
  };
  if (const auto folder = setting("HF_HUB_CACHE")) return *folder;
  if (const auto folder = setting("HUGGINGFACE_HUB_CACHE")) return *folder;
  if (const auto folder = setting("HF_HOME")) return fs::path(*folder) / "hub";
  if (const auto folder = setting("XDG_CACHE_HOME")) return fs::path(*folder) / "huggingface" / "hub";
  return fs::path(home(environment)) / ".cache" / "huggingface" / "hub";
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// ORG/NAME -> models--ORG--NAME. The parts hold no / and do not start with a dot, so the name stays inside the cache.
std::string cache_name(const std::string& repo) {
  std::string name = "models--";
  const bool plain = std::all_of(repo.begin(), repo.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
  });
  if (repo.empty() || !plain || std::count(repo.begin(), repo.end(), '/') > 1 || repo.back() == '/')
    throw ConfigError("embeddings.model.model_repo=" + repo + " is neither a folder nor a name like ORG/NAME; give one of them");
  for (const char c : repo) name += c == '/' ? std::string("--") : std::string(1, c);
  return name;
}

[[noreturn]] void not_in_cache(const std::string& repo, const fs::path& folder, const std::string& why) {
  throw ConfigError("the model " + repo + " is not in the cache: " + why + " in " + folder.string() +
                    "; nothing is downloaded (compute nodes have no network), so fill the cache where there is one with " +
                    "`huggingface-cli download " + repo + "`, or set embeddings.model.model_repo to a folder with the model's files");
}

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

std::vector<std::string> files_in(const fs::path& folder, const std::string& extension) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_file(at->path()) && (extension.empty() || at->path().extension() == extension))
      names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "no files";
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 20; ++i) text += (i ? ", " : "") + names[i];
  return text;
}

std::string find_weights(const fs::path& folder, const std::string& name) {
  std::vector<std::string> candidates{name, name + ".pt"};
  if (name.ends_with('s')) {
    const std::string singular = name.substr(0, name.size() - 1);
    candidates.insert(candidates.end(), {singular, singular + ".pt"});
  }
  for (const std::string& candidate : candidates)
    if (!candidate.empty() && is_file(folder / candidate)) return candidate;
  const auto only = files_in(folder, ".pt");
  if (only.size() == 1) return only.front();
  throw ConfigError("the model folder " + folder.string() + " has no weights called " + name +
                    "; set embeddings.model.model_name to one of its files: " + listed(files_in(folder, "")));
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    return value;
  };
}

ModelFolder find_model_folder(const std::string& repo, const Environment& environment) {
  const bool local = !repo.empty() && (repo[0] == '/' || repo[0] == '.' || repo[0] == '~');
  const fs::path folder = local ? expand(repo, environment) : repo;
  if (is_folder(folder)) return {folder, ""};
  if (local)
    throw ConfigError("the model folder " + folder.string() +
                      " does not exist; set embeddings.model.model_repo to a folder with the model's files");
  const fs::path cached = cache_folder(environment) / cache_name(repo);
  if (!is_file(cached / "refs" / "main")) not_in_cache(repo, cached, "there is no refs/main");
  const std::string revision = trimmed(read_file(cached / "refs" / "main"));
  const bool plain = !revision.empty() && std::all_of(revision.begin(), revision.end(), [](unsigned char c) {
    return std::isalnum(c);
  });
  if (!plain || !is_folder(cached / "snapshots" / revision))
    not_in_cache(repo, cached, "the snapshot that refs/main names is missing");
  return {cached / "snapshots" / revision, revision};
}

ModelFiles find_model_files(const fs::path& folder, const std::string& model_name, const std::string& config_name) {
  ModelFiles files;
  const std::string found = find_weights(folder, model_name);
  files.weights = folder / found;
  files.config = folder / config_name;
  if (found != model_name) files.note = "the model folder has no file " + model_name + ": " + found + " is taken";
  if (!is_file(files.config))
    throw ConfigError("the model folder " + folder.string() + " has no " + config_name +
                      "; set embeddings.model.config_name to one of its files: " + listed(files_in(folder, "")));
  return files;
}

}  // namespace balr
