#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace balr {

// The folder for the results: `save_dir`, or, where one of `files` is there already and it may not
// be replaced, the next free name beside it (`score2`, ...), said aloud. Not created yet. Throws
// ConfigError where it cannot be a folder.
std::filesystem::path choose_output(const std::filesystem::path& save_dir,
                                    const std::vector<std::string>& files, bool exist_ok);
// Creates it, with its parents. Throws IoError.
void create_output(const std::filesystem::path& folder);

}  // namespace balr
