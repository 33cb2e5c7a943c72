#pragma once
#include <filesystem>
#include <string>

// Logging goes through spdlog's default logger (spdlog::info, ...); this header only sets it up.
namespace balr {

struct LogOptions {
  std::string level = "info";       // trace, debug, info, warn, error, off
  int rank = 0;                     // shown in the pattern if size > 1
  int size = 1;
  std::filesystem::path folder;     // if set, each rank also writes FOLDER/rank<r>.log (mode: append)
};

// Messages of rank 0 go to stderr from `level` on; those of the others from warn on.
// Throws ConfigError for an unknown level, IoError if the folder cannot be written.
void init_log(const LogOptions& options);

}  // namespace balr
