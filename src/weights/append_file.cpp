#include "weights/append_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "balr/core/error.hpp"

namespace balr {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno) +
                "; free or repair the cache's folder, or set HF_HUB_CACHE to another one");
}

}  // namespace

AppendFile::AppendFile(std::filesystem::path file)
    : file_(std::move(file)), fd_(open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)), size_(0) {
  if (fd_ < 0) fail("open", file_);
  size_ = size_of(file_);
}

AppendFile::~AppendFile() { close(fd_); }

void AppendFile::append(std::string_view bytes) {
  struct stat now {};
  if (fstat(fd_, &now) != 0) fail("look at", file_);
  // Where locks do not work, two may write at once: the one that notices leaves, so that no finished file grows.
  if (static_cast<std::uint64_t>(now.st_size) != size_)
    throw IoError("another process writes " + file_.string() + " too, so the locks of its file system do not work; fetch with one process alone");
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", file_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    size_ += static_cast<std::uint64_t>(n);
  }
}

void AppendFile::truncate() {
  if (ftruncate(fd_, 0) != 0) fail("cut", file_);
  size_ = 0;
}

void AppendFile::sync() {
  if (fsync(fd_) != 0 && errno != EINVAL) fail("fsync", file_);
}

std::uint64_t AppendFile::size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

}  // namespace balr
