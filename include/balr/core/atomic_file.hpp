#pragma once
#include <filesystem>
#include <string>
#include <string_view>

// Files appear whole or not at all: written under a temporary name in the same folder, fsynced,
// renamed, folder fsynced. All functions throw IoError with path and cause.
namespace balr {

// Replaces `file` by one with this content.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

// For writers with their own format (HDF5, zip): write to temporary_name(file), close, then publish.
std::filesystem::path temporary_name(const std::filesystem::path& file);
void publish(const std::filesystem::path& temporary, const std::filesystem::path& file);

void fsync_path(const std::filesystem::path& file_or_folder);
std::string read_file(const std::filesystem::path& file);

}  // namespace balr
