#include "run/lease_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kTextSize = 1024;

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
}

// Makes a second name; false if it is taken. NFS may lose the answer: then the count of names tells.
bool make_name(const fs::path& existing, const fs::path& name) {
  if (link(existing.c_str(), name.c_str()) == 0) return true;
  const int cause = errno;
  struct stat status {};
  if (stat(existing.c_str(), &status) == 0 && status.st_nlink == 2) return true;
  errno = cause;
  return false;
}

}  // namespace

std::string LeaseRecord::to_text() const {
  const Json json{{"host", process.host},       {"pid", process.pid},     {"pid_start", process.start},
                  {"boot", process.boot},       {"pid_namespace", process.pid_namespace},
                  {"job", job},                 {"restart_count", restart_count},
                  {"token", token},             {"beats", beats},         {"heartbeat", heartbeat}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  BALR_CHECK(text.size() < kTextSize);
  text.resize(kTextSize - 1, ' ');
  return text + "\n";
}

std::optional<LeaseRecord> LeaseRecord::from_text(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    LeaseRecord out;
    out.process = {json.at("host"), json.at("boot"), json.at("pid_namespace"), json.at("pid"), json.at("pid_start")};
    out.job = json.at("job");
    out.restart_count = json.at("restart_count");
    out.token = json.at("token");
    out.beats = json.at("beats");
    out.heartbeat = json.at("heartbeat");
    return out;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

LeaseFile::LeaseFile(const fs::path& folder) : path_(folder / ".balr-lease") {}

std::optional<std::string> LeaseFile::read() const {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ESTALE) return std::nullopt;
    fail("read", path_);
  }
  std::string text(4 * kTextSize, '\0');
  const ssize_t count = ::read(fd, text.data(), text.size());
  const int cause = errno;
  close(fd);
  errno = cause;
  if (count < 0 && errno == ESTALE) return std::nullopt;
  if (count < 0) fail("read", path_);
  text.resize(static_cast<std::size_t>(count));
  return text;
}

int LeaseFile::create(const std::string& text) const {
  const fs::path temporary = temporary_name(path_);
  const int fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail("create", temporary);
  try {
    write_over(fd, text);
    const bool named = make_name(temporary, path_);
    const int cause = errno;
    unlink(temporary.c_str());
    if (named) return fd;
    close(fd);
    errno = cause;
  } catch (...) {
    unlink(temporary.c_str());
    close(fd);
    throw;
  }
  if (errno == EEXIST) return -1;
  if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS && errno != EMLINK) fail("create", path_);
  // A file system without second names.
  const int direct = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (direct < 0 && errno == EEXIST) return -1;
  if (direct < 0) fail("create", path_);
  write_over(direct, text);
  return direct;
}

bool LeaseFile::remove(const std::string& token_or_text) const {
  // Taken aside first: what is removed is what was looked at, whoever is at work here at the same time.
  const fs::path aside = temporary_name(path_);
  if (rename(path_.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return false;
    fail("rename", path_);
  }
  const std::string text = read_file(aside);
  const auto record = LeaseRecord::from_text(text);
  const bool wanted = (record ? record->token : text) == token_or_text;
  if (!wanted) make_name(aside, path_);
  unlink(aside.c_str());
  return wanted;
}

void LeaseFile::write_over(int descriptor, const std::string& text) {
  ssize_t count = 0;
  do count = pwrite(descriptor, text.data(), text.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(text.size()) || fsync(descriptor) != 0) fail("write", "the lease of the output folder");
}

}  // namespace balr
