#include "score/output.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kLastNumber = 9998;  // as the Python balr

bool is_free(const fs::path& folder, const std::vector<std::string>& files) {
  std::error_code absent;
  return std::ranges::none_of(
      files, [&](const std::string& file) { return fs::exists(folder / file, absent); });
}

}  // namespace

fs::path choose_output(const fs::path& save_dir, const std::vector<std::string>& files,
                       bool exist_ok) {
  fs::path folder = save_dir.lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // `runs/score/` is `runs/score`
  std::error_code absent;
  if (fs::exists(folder, absent) && !fs::is_directory(folder, absent))
    throw ConfigError("--save-dir " + folder.string() + " is a file; give the name of a folder");
  if (exist_ok || is_free(folder, files)) return folder;
  for (int number = 2; number <= kLastNumber; ++number) {
    const fs::path next = folder.string() + std::to_string(number);
    if (fs::exists(next, absent) && !(fs::is_directory(next, absent) && is_free(next, files)))
      continue;
    spdlog::warn("{} holds the results of an earlier call: writing to {} (--exist-ok replaces)",
                 folder.string(), next.string());
    return next;
  }
  throw ConfigError("no free name is left beside " + folder.string() + "; give another --save-dir");
}

void create_output(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create " + folder.string() + ": " + error.message());
}

}  // namespace balr
