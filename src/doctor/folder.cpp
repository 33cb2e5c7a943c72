#include "doctor/folder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSmallFiles = 50;
// A part is published by one such write; below this rate publishing 1,024 parts would take minutes.
constexpr double kSlowFilesPerSecond = 5;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// A new file each time, as parts are published; returns files per second.
double small_file_rate(const fs::path& folder) {
  const auto begin = Clock::now();
  for (int i = 0; i < kSmallFiles; ++i) write_file_atomically(folder / ("file" + std::to_string(i)), std::string(4096, 'x'));
  return kSmallFiles / std::max(1e-9, seconds_since(begin));
}

void check_replacing(const fs::path& folder) {
  const fs::path file = folder / "replaced";
  write_file_atomically(file, "before");
  write_file_atomically(file, "after");
  if (read_file(file) != "after")
    throw IoError("a file that was replaced by rename still has its old content in " + folder.string() +
                  "; use a file system with atomic rename");
}

}  // namespace

Findings examine_folder(const fs::path& folder, const std::string& subject) {
  std::error_code ignored;
  const bool existed = fs::exists(folder, ignored);
  const fs::path own = folder / temporary_name("doctor").filename();
  Findings found;
  try {
    std::error_code error;
    fs::create_directories(own, error);
    if (error) throw IoError("cannot create " + own.string() + ": " + error.message() + "; give a folder that can be written");
    check_replacing(own);
    const double rate = small_file_rate(own);
    char text[128];
    std::snprintf(text, sizeof text, "%.0f small files/s written, synced and renamed", rate);
    found.push_back(rate < kSlowFilesPerSecond
                        ? fault(subject, std::string(text) + "; write to a faster file system (scratch, not home)")
                        : ok(subject, text));
    const fs::space_info space = fs::space(folder, error);
    if (!error) {
      std::snprintf(text, sizeof text, "%.1f GiB free", static_cast<double>(space.available) / (1 << 30));
      // 1.1 million embeddings are 1.1 GB, in parts and once merged.
      found.push_back(space.available < (std::uintmax_t{3} << 30) ? note(subject, std::string(text) + "; a million files need 3 GiB")
                                                                  : ok(subject, text));
    }
  } catch (const Error& error) {
    found.push_back(fault(subject, error.what()));
  }
  fs::remove_all(own, ignored);
  if (!existed) fs::remove(folder, ignored);
  return found;
}

}  // namespace balr
