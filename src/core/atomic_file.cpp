#include "balr/core/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
}

}  // namespace

fs::path temporary_name(const fs::path& file) {
  // Unique per host, process and call, so that two writers never share one; cleaned up by name on the next start.
  static std::atomic<unsigned> counter{0};
  char host[65] = {};
  gethostname(host, sizeof host - 1);
  return file.parent_path() / ("." + file.filename().string() + ".tmp-" + host + "-" + std::to_string(getpid()) + "-" +
                               std::to_string(counter++));
}

void fsync_path(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  // Some file systems refuse fsync on a folder (EINVAL): nothing to be done there.
  if (fsync(fd) != 0 && errno != EINVAL) {
    const int cause = errno;
    close(fd);
    errno = cause;
    fail("fsync", path);
  }
  close(fd);
}

void publish(const fs::path& temporary, const fs::path& file) {
  fsync_path(temporary);
  if (rename(temporary.c_str(), file.c_str()) != 0) fail("rename a finished file to", file);
  fsync_path(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

void write_file_atomically(const fs::path& file, std::string_view content) {
  const fs::path temporary = temporary_name(file);
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) fail("create", temporary);
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t n = write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int cause = errno;
      close(fd);
      unlink(temporary.c_str());
      errno = cause;
      fail("write", temporary);
    }
    done += static_cast<std::size_t>(n);
  }
  if (close(fd) != 0) {
    const int cause = errno;
    unlink(temporary.c_str());
    errno = cause;
    fail("close", temporary);
  }
  publish(temporary, file);
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) fail("read", file);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) fail("read", file);
  return std::move(out).str();
}

}  // namespace balr
