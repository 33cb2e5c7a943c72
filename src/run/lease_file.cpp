#include "run/lease_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"

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

// Nothing if there is no such file.
std::optional<std::string> read_text(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ESTALE) return std::nullopt;
    fail("read", path);
  }
  std::string text(4 * kTextSize, '\0');
  const ssize_t count = ::read(fd, text.data(), text.size());
  const int cause = errno;
  close(fd);
  errno = cause;
  if (count < 0 && errno == ESTALE) return std::nullopt;
  if (count < 0) fail("read", path);
  text.resize(static_cast<std::size_t>(count));
  return text;
}

}  // namespace

std::string LeaseRecord::to_text() const {
  const Json json{{"host", process.host},       {"pid", process.pid},     {"pid_start", process.start},
                  {"boot", process.boot},       {"pid_namespace", process.pid_namespace},
                  {"job", job},                 {"restart_count", restart_count},
                  {"token", token},             {"releasing", releasing}, {"beats", beats},         {"heartbeat", heartbeat}};
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
    out.releasing = json.at("releasing");
    out.beats = json.at("beats");
    out.heartbeat = json.at("heartbeat");
    return out;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

LeaseFile::LeaseFile(const fs::path& folder) : path_(folder / ".balr-lease") {}

fs::path LeaseFile::claim(const std::string& key) const {
  return path_.parent_path() / (path_.filename().string() + "-" + sha256_hex(key).substr(0, 16));
}

std::optional<LeaseFile::Owner> LeaseFile::owner() const {
  std::optional<Owner> out;
  std::vector<fs::path> chain;
  // Chains are short: each link is a process that died at an unlucky moment.
  for (fs::path file = path_; chain.size() < 1000; file = claim(out->key())) {
    auto text = read_text(file);
    if (!text) break;
    chain.push_back(file);
    auto record = LeaseRecord::from_text(*text);
    out = Owner{std::move(*text), std::move(record), file, {}};
  }
  if (out) out->chain = std::move(chain);
  return out;
}

int LeaseFile::create(const std::string& text) const { return create(path_, text); }

int LeaseFile::create(const fs::path& file, const std::string& text) const {
  const fs::path temporary = temporary_name(path_);
  const int fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail("create", temporary);
  try {
    write_over(fd, text);
    const bool named = make_name(temporary, file);
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
  if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS && errno != EMLINK) fail("create", file);
  // A file system without second names.
  const int direct = open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (direct < 0 && errno == EEXIST) return -1;
  if (direct < 0) fail("create", file);
  write_over(direct, text);
  return direct;
}

int LeaseFile::take_over(const Owner& owner, const std::string& text, const std::string& token) const {
  const fs::path mine = claim(owner.key());
  const int fd = create(mine, text);
  if (fd < 0) return -1;
  const auto now = this->owner();
  if (!now || !now->record || now->record->token != token) {
    // It was taken over or released between the look at it and the claim.
    unlink(mine.c_str());
    close(fd);
    return -1;
  }
  // The rest is tidiness: the claim becomes `.balr-lease`, and claims between the two are nobody's any more.
  if (rename(mine.c_str(), path_.c_str()) == 0)
    for (std::size_t i = 1; i < owner.chain.size(); ++i) unlink(owner.chain[i].c_str());
  return fd;
}

void LeaseFile::release(const std::string& token, const std::string& text) const {
  const auto now = owner();
  if (!now || !now->record || now->record->token != token) return;
  const fs::path mine = claim(token);
  const int fd = create(mine, text);
  if (fd < 0) return;  // taken over just now
  close(fd);
  // With the first one the folder is free; another run may create it anew at once.
  for (const fs::path& file : now->chain) unlink(file.c_str());
  unlink(mine.c_str());
}

void LeaseFile::write_over(int descriptor, const std::string& text) {
  ssize_t count = 0;
  do count = pwrite(descriptor, text.data(), text.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(text.size()) || fsync(descriptor) != 0) fail("write", "the lease of the output folder");
}

}  // namespace balr
