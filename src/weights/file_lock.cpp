#include "weights/file_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{100};
constexpr std::chrono::seconds kFirstNotice{1}, kNotice{10}, kBeat{5}, kStale{60};

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " the lock " + file.string() + ": " + std::strerror(errno) +
                "; check the cache's folder, or set HF_HUB_CACHE to another one");
}

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

// The whole of a short file; nothing if it is not there.
std::optional<std::string> text_of(const fs::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  char text[512];
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  return std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0);
}

// "HOST PID COUNTER"
bool is_dead(const std::string& lease) {
  std::istringstream in(lease);
  std::string host;
  pid_t pid = 0;
  return in >> host >> pid && host == host_name() && pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

struct FileLock::Lease {
  Lease(fs::path path, int descriptor) : file(std::move(path)), fd(descriptor), beating([this] { beat(); }) {}
  ~Lease() {
    {
      const std::lock_guard guard(mutex);
      done = true;
    }
    wake.notify_all();
    beating.join();
    close(fd);
    unlink(file.c_str());
  }

  void write_beat(unsigned count) const {
    char text[400];
    const int size = std::snprintf(text, sizeof text, "%s %d %u\n", host_name().c_str(), static_cast<int>(getpid()), count);
    if (pwrite(fd, text, static_cast<std::size_t>(size), 0) == size) fsync(fd);
  }
  void beat() {
    std::unique_lock guard(mutex);
    for (unsigned count = 1; !wake.wait_for(guard, kBeat, [this] { return done; }); ++count) write_beat(count);
  }

  fs::path file;
  int fd;
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  std::thread beating;
};

namespace {

// Watches somebody's lease by our own clock, since those of two machines differ.
class StaleWatch {
 public:
  bool is_stale(const fs::path& file) {
    const auto text = text_of(file);
    if (!text) return false;
    if (text != seen_) seen_ = text, since_ = Clock::now();
    return is_dead(*text) || Clock::now() - since_ > kStale;
  }
  const std::optional<std::string>& seen() const { return seen_; }

 private:
  std::optional<std::string> seen_;
  Clock::time_point since_ = Clock::now();
};

// Makes the lease; -1: somebody has it. A stale one is moved away first: only one process can move it.
int try_lease(const fs::path& file, StaleWatch& watch) {
  if (watch.is_stale(file)) {
    const fs::path away = file.string() + "." + host_name() + "." + std::to_string(getpid());
    if (rename(file.c_str(), away.c_str()) == 0) {
      // Another one was faster, and this is its new lease: it gets it back.
      if (text_of(away) != watch.seen() && link(away.c_str(), file.c_str()) != 0) fail("give back", file);
      unlink(away.c_str());
    }
  }
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno != EEXIST) fail("make", file);
  return fd;
}

}  // namespace

FileLock::FileLock(const fs::path& file, const std::function<void()>& waiting) {
  const fs::path lease_file = file.string() + ".lease";
  StaleWatch watch;
  for (auto notice = Clock::now() + kFirstNotice;; std::this_thread::sleep_for(kPoll)) {
    if (!without_flock_ && try_flock(file)) return;
    if (without_flock_)
      if (const int fd = try_lease(lease_file, watch); fd >= 0) {
        lease_ = std::make_unique<Lease>(lease_file, fd);
        lease_->write_beat(0);
        return;
      }
    if (Clock::now() >= notice) notice = Clock::now() + kNotice, waiting();
  }
}

// The file may be removed by the one that had it: then ours is not the one that the next process sees, and we try again.
bool FileLock::try_flock(const fs::path& file) {
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("open", file);
  const bool locked = flock(fd_, LOCK_EX | LOCK_NB) == 0;
  const int cause = errno;
  struct stat ours {}, there {};
  if (locked && fstat(fd_, &ours) == 0 && stat(file.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
      ours.st_dev == there.st_dev)
    return true;
  close(fd_);
  fd_ = -1;
  errno = cause;
  if (!locked && cause != EWOULDBLOCK && cause != EINTR) {
    if (cause != ENOSYS && cause != EOPNOTSUPP && cause != ENOLCK && cause != EINVAL) fail("take", file);
    without_flock_ = true;
  }
  return false;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace balr
