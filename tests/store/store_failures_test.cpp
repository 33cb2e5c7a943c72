// A store is written while the file system fails at each call in turn: disk full, quota, I/O errors
// at write, fsync, rename, close. This program's own pwrite, fsync, rename and close stand before
// those of the C library; the armed one fails.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "sample_rows.hpp"
#include "support/golden.hpp"

namespace {

// Counts calls down on files of one folder; at 0 the call fails with `error`.
struct Fault {
  std::string folder;
  int countdown = -1;  // -1: never
  int error = ENOSPC;
  bool fired = false;
} fault;

bool inside(int descriptor) {
  char target[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = readlink(link.c_str(), target, sizeof target);
  return size > 0 && std::string(target, static_cast<std::size_t>(size)).starts_with(fault.folder);
}

bool fails() {
  if (fault.countdown < 0 || fault.countdown-- > 0) return false;
  fault.fired = true;
  errno = fault.error;
  return true;
}

bool fails(int descriptor) { return fault.countdown >= 0 && inside(descriptor) && fails(); }

}  // namespace

extern "C" {
ssize_t pwrite(int descriptor, const void* data, std::size_t size, off_t offset) {
  if (fails(descriptor)) return -1;
  if (fault.countdown >= 0 && inside(descriptor) && size > 1) size /= 2;  // short writes are legal
  return syscall(SYS_pwrite64, descriptor, data, size, offset);
}
int fsync(int descriptor) {
  return fails(descriptor) ? -1 : static_cast<int>(syscall(SYS_fsync, descriptor));
}
int close(int descriptor) {
  // Only of files open for writing: closing one that was merely fsynced loses nothing.
  const bool failed = (fcntl(descriptor, F_GETFL) & O_ACCMODE) != O_RDONLY && fails(descriptor);
  const int result = static_cast<int>(syscall(SYS_close, descriptor));
  if (failed) errno = fault.error;
  return failed ? -1 : result;
}
int rename(const char* from, const char* to) noexcept {
  return fails() ? -1 : static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
}

namespace balr {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(StoreFailures, EveryCallThatFailsIsAnIoErrorAndKeepsTheOldStore) {
  test::TempDir folder;
  const fs::path file = fs::canonical(folder.path()) / "embeddings.h5";
  write_store(file, test::sample_info(4), test::sample_rows(4, 6));
  const std::string old = read_file(file);
  const std::size_t descriptors = entries("/proc/self/fd");
  int call = 0, before_rename = 0;
  for (bool fired = true; fired; ++call) {
    fault = {fs::canonical(folder.path()).string(), call, call % 2 ? EIO : ENOSPC, false};
    bool failed = false;
    try {
      write_store(file, test::sample_info(9), test::sample_rows(9, 6));
    } catch (const IoError& error) {
      failed = true;
      EXPECT_NE(std::string(error.what()).find(fault.folder), std::string::npos) << error.what();
    }
    fired = fault.fired;
    fault.countdown = -1;
    ASSERT_LT(call, 500);
    EXPECT_EQ(entries(folder.path()), 1u) << "call " << call;  // no temporary file stays
    EXPECT_EQ(entries("/proc/self/fd"), descriptors) << "call " << call;
    EXPECT_EQ(failed, fired) << "call " << call;
    if (read_file(file) == old) {
      ++before_rename;
    } else {
      EXPECT_EQ(read_store(file).rows.rows(), 9) << "call " << call;  // whole, never a mixture
    }
    if (fired && read_file(file) != old)
      write_store(file, test::sample_info(4), test::sample_rows(4, 6));
  }
  EXPECT_GT(before_rename, 20);  // writes of metadata and columns, close, fsync, rename
  EXPECT_EQ(read_store(file).rows.rows(), 9);
}

TEST(StoreFailures, DiskFullInTheMiddle) {
  test::TempDir folder;
  const fs::path file = folder.path() / "embeddings.h5";
  write_store(file, test::sample_info(4), test::sample_rows(4, 6));
  const std::string old = read_file(file);
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  {
    StoreWriter writer(file, test::sample_info(2000), 2000, 256, 64, 64);
    rlimit small = limit;
    small.rlim_cur = 100'000;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_THROW(writer.append(test::sample_rows(2000, 256)), IoError);
    // One that would not fit is refused before HDF5, which would crash, gets to try.
    EXPECT_THROW(write_store(file, test::sample_info(2000), test::sample_rows(2000, 256)), IoError);
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_TRUE(read_file(file) == old);
}

TEST(StoreFailures, AFolderThatIsNotThere) {
  test::TempDir folder;
  EXPECT_THROW(
      write_store(folder.path() / "no" / "x.h5", test::sample_info(1), test::sample_rows(1, 2)),
      IoError);
}

}  // namespace
}  // namespace balr
