#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "balr/core/error.hpp"
#include "data/audio_source.hpp"

namespace balr {

DecodeResult failed(RowStatus status, std::string reason) {
  DecodeResult out;
  out.status = status;
  out.reason = std::move(reason);
  return out;
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

// Opens a regular file only: a FIFO or a device could make us wait for ever.
DecodeResult InputFile::open(const std::filesystem::path& path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd_ < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    throw IoError("cannot open " + path.string() + " (" + std::strerror(errno) +
                  "); raise the limit (ulimit -n) or use fewer data.num_workers");
  if (fd_ < 0) return failed(RowStatus::kMissing, std::strerror(errno));
  struct stat status;
  if (fstat(fd_, &status) != 0) return failed(RowStatus::kMissing, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return failed(RowStatus::kMissing, "not a regular file");
  time_ = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (status.st_size == 0) return failed(RowStatus::kDecode, "the file is empty");
  return {};
}

std::int64_t InputFile::size() const {
  struct stat status;
  return fstat(fd_, &status) == 0 ? status.st_size : 0;
}

std::int64_t InputFile::seek(std::int64_t offset, int whence) { return lseek(fd_, offset, whence); }

std::int64_t InputFile::read(void* to, std::int64_t count) {
  std::int64_t got = 0;
  while (got < count) {
    const ssize_t n =
        ::read(fd_, static_cast<char*>(to) + got, static_cast<std::size_t>(count - got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && error_ == 0) error_ = errno;
    if (n <= 0) break;
    got += n;
  }
  return got;
}

std::string InputFile::head() {
  std::string out(16, '\0');
  seek(0, SEEK_SET);
  out.resize(static_cast<std::size_t>(read(out.data(), static_cast<std::int64_t>(out.size()))));
  seek(0, SEEK_SET);
  return out;
}

bool is_for_ffmpeg(const std::string& head) {
  const auto has = [&](std::size_t at, std::string_view text) {
    return head.size() >= at + text.size() && head.compare(at, text.size(), text) == 0;
  };
  for (const char* box : {"ftyp", "moov", "mdat", "wide", "free", "skip"})
    if (has(4, box)) return true;
  if (has(0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11") || has(0, "\x1A\x45\xDF\xA3")) return true;
  return head.size() > 1 && head[0] == '\xFF' && (head[1] & 0xF6) == 0xF0;  // an MP3 has a layer
}

}  // namespace balr
