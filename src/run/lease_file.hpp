#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/run/job.hpp"

namespace balr {

// What a lease says.
struct LeaseRecord {
  ProcessIdentity process;
  std::string job;
  int restart_count = 0;
  std::string token;           // of this acquisition
  bool releasing = false;      // its process is about to remove the files
  std::int64_t beats = 0;      // signs of life so far
  std::int64_t heartbeat = 0;  // time of the last one, seconds since 1970 by the owner's clock

  std::string to_text() const;  // always of the same length, so that it can be written over
  // Nothing if the text is not a lease.
  static std::optional<LeaseRecord> from_text(const std::string& text);
};

// The files of a lease, with steps that are atomic on shared file systems.
//
// `.balr-lease` holds the record of the run that took the free folder. Whoever takes over from a record creates a claim,
// `.balr-lease-<digits of its token>`, with a record of his own: of all who try, exactly one succeeds, as the name is created
// exclusively and a token is never used twice. The owner is found by following the claims from `.balr-lease`; its last record
// is the owner's. So these are the only changes, and each has one winner:
//   no file -> A          create `.balr-lease`
//   A -> B                create the claim on A's token (B then renames it to `.balr-lease`, which shortens the chain)
//   A -> no file          A creates a claim on its own token, so that nobody can any more, and removes both files
// A process that dies between two steps leaves a chain whose last record is its own: a stale owner like any other. Whoever
// created a claim looks again whether the chain leads to it: a claim on a record that is no longer part of it means nothing.
// All members throw IoError.
class LeaseFile {
 public:
  explicit LeaseFile(const std::filesystem::path& folder);
  const std::filesystem::path& path() const { return path_; }

  struct Owner {
    std::string text;                   // of the record; may be unreadable
    std::optional<LeaseRecord> record;  // if it is readable
    std::filesystem::path file;         // where it is
    std::vector<std::filesystem::path> chain;  // all files from `.balr-lease` to it
    // What a claim on it is named after.
    const std::string& key() const { return record ? record->token : text; }
  };
  // The last record of the chain; nothing if there is no `.balr-lease`.
  std::optional<Owner> owner() const;

  // Puts `.balr-lease` there if there is none; returns a descriptor of it for write_over(), or -1 if somebody else was first.
  int create(const std::string& text) const;
  // Takes over from `owner`: a descriptor as above, or -1 if somebody else was first. `token` is that of `text`.
  int take_over(const Owner& owner, const std::string& text, const std::string& token) const;
  // Ends the lease with this token, unless it was taken over by now; `text` is a `releasing` record with a token of its own.
  void release(const std::string& token, const std::string& text) const;

  // Writes in place: if the file was taken away by now, the write goes nowhere.
  static void write_over(int descriptor, const std::string& text);

 private:
  std::filesystem::path claim(const std::string& key) const;
  int create(const std::filesystem::path& file, const std::string& text) const;

  std::filesystem::path path_;
};

}  // namespace balr
