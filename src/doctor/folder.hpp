#pragma once
#include <filesystem>

#include "doctor/finding.hpp"

namespace balr {

// Whether results can be written safely there: makes the folder if it is absent (and removes it again), writes, fsyncs,
// renames over an existing file and reads back, and measures small files per second. Never throws for a file system that fails.
Findings examine_folder(const std::filesystem::path& folder, const std::string& subject);

}  // namespace balr
