#pragma once
#include <filesystem>
#include <string>
#include <vector>

// How huggingface_hub lays out its cache, so that it finds what we cached and we find what it cached.
namespace balr {

// The part of the cache that belongs to one model.
struct HubFolder {
  std::filesystem::path root;   // CACHE/models--ORG--NAME
  std::filesystem::path locks;  // CACHE/.locks/models--ORG--NAME

  std::filesystem::path ref(const std::string& revision) const { return root / "refs" / revision; }
  std::filesystem::path snapshot(const std::string& commit) const { return root / "snapshots" / commit; }
  std::filesystem::path blob(const std::string& etag) const { return root / "blobs" / etag; }
  std::filesystem::path lock(const std::string& etag) const { return locks / (etag + ".lock"); }
  // Ours: the names of all files of the repository, one a line. A snapshot may hold a few of them only, and then "the
  // only *.pt" would be another file than in the whole.
  std::filesystem::path listing(const std::string& commit) const { return root / ".balr" / commit; }
};

// Throws ConfigError unless repo is NAME or ORG/NAME of letters, digits, - _ and dots.
HubFolder hub_folder(const std::filesystem::path& cache, const std::string& repo);

bool is_commit(const std::string& text);  // 40 lower-case hexadecimal digits
// Names from a user or a server that become paths: relative, without .. and control characters.
bool is_safe_name(const std::string& name);

bool is_file(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
std::string listed(const std::vector<std::string>& names);  // "a, b, c" for messages, at most 20

}  // namespace balr
