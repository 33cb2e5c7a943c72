#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace balr {

// One process of all machines at a time: flock, as huggingface_hub does, so that it waits for us and we for it; it ends
// with its process, so it is never stale. On a file system without flock: a file FILE.lease with a beating counter, that
// is taken over when its process is gone (same host) or it has not beaten for a minute.
class FileLock {
 public:
  // Waits. `waiting` is called after a second and then every ten seconds. Throws IoError if the file cannot be made.
  FileLock(const std::filesystem::path& file, const std::function<void()>& waiting);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  struct Lease;
  bool try_flock(const std::filesystem::path& file);

  int fd_ = -1;
  bool without_flock_ = false;
  std::unique_ptr<Lease> lease_;
};

}  // namespace balr
