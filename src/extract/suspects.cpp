#include "extract/suspects.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "balr/core/error.hpp"

namespace balr {
namespace {

using Clock = std::chrono::steady_clock;

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

// The child's signals act as usual, and it hears and says nothing.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&files_);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      posix_spawn_file_actions_addopen(&files_, descriptor, "/dev/null", O_RDWR, 0);
    posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // The error number, or 0.
  int spawn(pid_t& child, const std::vector<std::string>& arguments) const {
    std::vector<char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    return posix_spawn(&child, pointers[0], &files_, &attributes_, pointers.data(), environ);
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Trial::Trial(const TrialOptions& options, const Manifest& manifest, std::int64_t row)
    : options_(&options), manifest_(&manifest), row_(row) {
  start();
}

void Trial::start() {
  const Utterance& utterance = manifest_->rows[static_cast<std::size_t>(row_)];
  const std::vector<std::string> arguments = {options_->program.string(),
                                              std::to_string(options_->rate),
                                              number(options_->limits.max_seconds),
                                              number(utterance.piece.start),
                                              number(utterance.piece.end),
                                              std::to_string(utterance.piece.channel),
                                              number(std::ceil(options_->timeout_seconds)),
                                              utterance.path};
  const int error = SpawnSettings().spawn(child_, arguments);
  if (error != 0)
    throw IoError("cannot start " + options_->program.string() + ": " + std::strerror(error) +
                  "; it belongs to balr: install balr again");
  ++starts_;
  begin_ = Clock::now();
}

Trial::~Trial() {
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

Trial::Trial(Trial&& other) noexcept
    : options_(other.options_),
      manifest_(other.manifest_),
      row_(other.row_),
      child_(std::exchange(other.child_, -1)),
      starts_(other.starts_),
      begin_(other.begin_) {}

Trial& Trial::operator=(Trial&& other) noexcept {
  std::swap(options_, other.options_);
  std::swap(manifest_, other.manifest_);
  std::swap(row_, other.row_);
  std::swap(child_, other.child_);
  std::swap(starts_, other.starts_);
  std::swap(begin_, other.begin_);
  return *this;
}

std::optional<std::string> Trial::poll() {
  int status = 0;
  const pid_t ended = waitpid(child_, &status, WNOHANG);
  if (ended == 0) {
    if (Clock::now() - begin_ < std::chrono::duration<double>(options_->timeout_seconds)) return std::nullopt;
    kill(child_, SIGKILL);
    waitpid(std::exchange(child_, -1), nullptr, 0);
    char text[100];
    std::snprintf(text, sizeof text, "the decoder did not end within %g s (embeddings.decode_timeout)", options_->timeout_seconds);
    return text;
  }
  child_ = -1;
  if (ended < 0) throw IoError(std::string("cannot wait for balr-decode: ") + std::strerror(errno));
  // Somebody else, or a lack of memory that need not be the file's fault: once more.
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const bool from_outside = signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
  if (from_outside && starts_ < 2) {
    start();
    return std::nullopt;
  }
  return judge(status);
}

std::string Trial::judge(int status) {
  if (WIFSIGNALED(status))
    return "the decoder crashed (signal " + std::to_string(WTERMSIG(status)) + ", " + strsignal(WTERMSIG(status)) + ")";
  if (WEXITSTATUS(status) == 0) return "";
  const std::string& path = manifest_->rows[static_cast<std::size_t>(row_)].path;
  throw IoError("cannot try to decode " + path + " in a process of its own (" + options_->program.string() + " ended with " +
                std::to_string(WEXITSTATUS(status)) + "): see that memory and descriptors are left, then run the command again");
}

std::vector<Culprit> find_culprits(const TrialOptions& options, const Manifest& manifest,
                                   const std::vector<std::int64_t>& rows, int at_once,
                                   const std::function<void()>& meanwhile) {
  std::vector<Culprit> culprits;
  std::vector<Trial> trials;
  std::size_t next = 0;
  while (next < rows.size() || !trials.empty()) {
    while (next < rows.size() && static_cast<int>(trials.size()) < at_once)
      trials.emplace_back(options, manifest, rows[next++]);
    std::erase_if(trials, [&](Trial& trial) {
      const auto end = trial.poll();
      if (end && !end->empty()) culprits.push_back({trial.row(), *end});
      return end.has_value();
    });
    meanwhile();
    if (!trials.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::sort(culprits.begin(), culprits.end(), [](const Culprit& a, const Culprit& b) { return a.row < b.row; });
  return culprits;
}

}  // namespace balr
