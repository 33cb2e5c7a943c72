// Preloaded by a test: a file system without symbolic links (BALR_TEST_NO_LINKS), without flock (BALR_TEST_NO_FLOCK), or
// whose flock locks nothing (BALR_TEST_LYING_FLOCK).
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" {

int symlinkat(const char* target, int folder, const char* name) noexcept {
  if (!std::getenv("BALR_TEST_NO_LINKS")) return static_cast<int>(syscall(SYS_symlinkat, target, folder, name));
  errno = EPERM;
  return -1;
}

int symlink(const char* target, const char* name) noexcept { return symlinkat(target, -100 /* AT_FDCWD */, name); }

int flock(int file, int operation) noexcept {
  if (std::getenv("BALR_TEST_LYING_FLOCK")) return 0;
  if (!std::getenv("BALR_TEST_NO_FLOCK")) return static_cast<int>(syscall(SYS_flock, file, operation));
  errno = ENOSYS;
  return -1;
}
}
