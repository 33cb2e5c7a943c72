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

int open_file(const std::filesystem::path& file) { return open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666); }

}  // namespace

AppendFile::AppendFile(std::filesystem::path file)
    : file_(std::move(file)), fd_(open_file(file_)), size_(0) {
  if (fd_ < 0) fail("open", file_);
  size_ = size_of(file_);
}

AppendFile::~AppendFile() { close(fd_); }

void AppendFile::append(std::string_view bytes) {
  struct stat now {};
  if (fstat(fd_, &now) != 0) fail("look at", file_);
  // Where locks do not work, two may write at once. The one that notices leaves; until then both write the same bytes at
  // the same places (no O_APPEND), so that a file which the other has finished stays as it is.
  if (static_cast<std::uint64_t>(now.st_size) != size_)
    throw IoError("another process writes " + file_.string() + " too, so the locks of its file system do not work; fetch with one process alone");
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", file_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    size_ += static_cast<std::uint64_t>(n);
  }
}

void AppendFile::start_over() {
  if (unlink(file_.c_str()) != 0 && errno != ENOENT) fail("remove", file_);
  const int fresh = open_file(file_);
  if (fresh < 0) fail("open", file_);
  close(fd_);
  fd_ = fresh;
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
