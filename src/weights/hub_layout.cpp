#include "weights/hub_layout.hpp"

#include <algorithm>
#include <cctype>

#include "balr/core/error.hpp"

namespace balr {

namespace fs = std::filesystem;

HubFolder hub_folder(const fs::path& cache, const std::string& repo) {
  const bool plain = std::all_of(repo.begin(), repo.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
  });
  // No name may start with a dot, so that none leaves the cache.
  if (!plain || !is_safe_name(repo) || std::count(repo.begin(), repo.end(), '/') > 1 || repo.front() == '.' ||
      repo.find("/.") != std::string::npos)
    throw ConfigError("embeddings.model.model_repo=" + repo + " is neither a folder nor a name like ORG/NAME; give one of them");
  std::string name = "models--";
  for (const char c : repo) name += c == '/' ? std::string("--") : std::string(1, c);
  return {cache / name, cache / ".locks" / name};
}

bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_safe_name(const std::string& name) {
  if (name.empty() || name.size() > 1024 || name.front() == '/' || name.back() == '/') return false;
  for (const unsigned char c : name)
    if (c < 0x20 || c == 0x7f || c == '\\') return false;
  for (const fs::path& part : fs::path(name))
    if (part.empty() || part == "." || part == "..") return false;
  return name.find("//") == std::string::npos;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "no files";
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 20; ++i) text += (i ? ", " : "") + names[i];
  return names.size() > 20 ? text + ", ..." : text;
}

}  // namespace balr
