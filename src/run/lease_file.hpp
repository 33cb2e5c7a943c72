#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "balr/run/job.hpp"

namespace balr {

// What a lease says.
struct LeaseRecord {
  ProcessIdentity process;
  std::string job;
  int restart_count = 0;
  std::string token;           // of this acquisition
  std::int64_t beats = 0;      // signs of life so far
  std::int64_t heartbeat = 0;  // time of the last one, seconds since 1970 by the owner's clock

  std::string to_text() const;  // always of the same length, so that it can be written over
  // Nothing if the text is not a lease.
  static std::optional<LeaseRecord> from_text(const std::string& text);
};

// The file of a lease, with steps that are atomic on shared file systems. All throw IoError.
class LeaseFile {
 public:
  explicit LeaseFile(const std::filesystem::path& folder);
  const std::filesystem::path& path() const { return path_; }

  std::optional<std::string> read() const;  // nothing if there is none
  // Puts the file there if there is none; returns a descriptor of it for write_over(), or -1 if somebody else was first.
  int create(const std::string& text) const;
  // Removes the file if it is the one with this token (an unreadable one: with this text); true if it did.
  bool remove(const std::string& token_or_text) const;
  // Writes in place: if the file was taken away by now, the write goes nowhere.
  static void write_over(int descriptor, const std::string& text);

 private:
  std::filesystem::path path_;
};

}  // namespace balr
