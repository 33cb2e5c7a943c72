#include "balr/run/lease.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>

#include "balr/core/error.hpp"
#include "run/lease_file.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

std::int64_t unix_time() { return static_cast<std::int64_t>(time(nullptr)); }

std::string owner_text(const LeaseRecord& owner) {
  std::string text = "process " + std::to_string(owner.process.pid) + " on " + owner.process.host;
  if (!owner.job.empty()) text += " (job " + owner.job + ")";
  return text;
}

std::string new_token(const ProcessIdentity& process) {
  std::random_device random;
  return process.host + "-" + std::to_string(process.pid) + "-" + std::to_string(random()) + std::to_string(random());
}

// Clocks of two hosts may differ by this; a sign of life older than that and stale_seconds needs no waiting.
constexpr double kClockTolerance = 900;

enum class Judgement { kAlive, kStale, kUnknown };

Judgement judge(const LeaseRecord& owner, const LeaseOptions& options) {
  if (!owner.job.empty() && owner.job == options.job.id && owner.restart_count < options.job.restart_count)
    return Judgement::kStale;
  if (same_host(owner.process)) return is_running(owner.process) ? Judgement::kAlive : Judgement::kStale;
  const auto age = static_cast<double>(unix_time() - owner.heartbeat);
  return age > options.stale_seconds + kClockTolerance ? Judgement::kStale : Judgement::kUnknown;
}

// Watches the owner's record for stale_seconds; true if nothing changed in it: clocks of two hosts may differ.
bool gives_no_sign(const LeaseFile& file, const LeaseFile::Owner& owner, const LeaseOptions& options,
                   const std::function<void()>& meanwhile) {
  spdlog::warn("{} is held by {}; waiting up to {:.0f} s for a sign of life of it before taking over", file.path().string(),
               owner.record ? owner_text(*owner.record) : "an unknown process", options.stale_seconds);
  const auto end = Clock::now() + Seconds(options.stale_seconds);
  const auto pause = Seconds(std::clamp(options.stale_seconds / 100, 0.01, 0.5));
  while (Clock::now() < end) {
    const auto now = file.owner();
    if (!now || now->text != owner.text) return false;
    if (meanwhile) meanwhile();
    std::this_thread::sleep_for(pause);
  }
  return true;
}

[[noreturn]] void refuse(const fs::path& folder, const LeaseFile& file, const LeaseRecord& owner) {
  throw ConfigError(folder.string() + " is in use by another run, " + owner_text(owner) + ", which gave a sign of life " +
                    std::to_string(std::max<std::int64_t>(0, unix_time() - owner.heartbeat)) +
                    " s ago: wait for its end, or choose another --save-dir (if that process is surely gone, remove " +
                    file.path().string() + ")");
}

// Throws if the owner lives; false: it is on its way out, look again.
bool is_stale(const LeaseFile& file, const LeaseFile::Owner& owner, const LeaseOptions& options,
              const std::function<void()>& meanwhile) {
  const fs::path folder = file.path().parent_path();
  const Judgement judgement = owner.record ? judge(*owner.record, options) : Judgement::kUnknown;
  if (judgement == Judgement::kStale) return true;
  if (judgement == Judgement::kAlive) {
    if (!owner.record->releasing) refuse(folder, file, *owner.record);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  }
  if (gives_no_sign(file, owner, options, meanwhile)) return true;
  const auto now = file.owner();
  if (now && now->record && (!owner.record || now->record->token == owner.record->token)) refuse(folder, file, *now->record);
  return false;  // it was released, or taken over by a third run
}

}  // namespace

struct Lease::State {
  State(const fs::path& folder, LeaseRecord r, int fd, double heartbeat_seconds)
      : file(folder), record(std::move(r)), descriptor(fd), thread([this, heartbeat_seconds] { beat(heartbeat_seconds); }) {}
  ~State() { release(); }

  void beat(double seconds) {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, Seconds(seconds), [&] { return ending; })) {
      try {
        write();
      } catch (const IoError& error) {
        spdlog::warn("{}", error.what());
      }
    }
  }

  void write() {  // under the mutex
    ++record.beats;
    record.heartbeat = unix_time();
    LeaseFile::write_over(descriptor, record.to_text());
  }

  void release() {
    if (descriptor < 0) return;
    {
      std::lock_guard lock(mutex);
      ending = true;
    }
    wake.notify_all();
    thread.join();
    close(descriptor);
    descriptor = -1;
    try {
      LeaseRecord last = record;
      last.token = new_token(record.process);
      last.releasing = true;
      file.release(record.token, last.to_text());
    } catch (const IoError& error) {
      spdlog::warn("{}", error.what());
    }
  }

  LeaseFile file;
  std::mutex mutex;
  std::condition_variable wake;
  bool ending = false;
  LeaseRecord record;
  int descriptor;
  std::thread thread;
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

Lease Lease::acquire(const fs::path& folder, const LeaseOptions& options, const std::function<void()>& meanwhile) {
  const LeaseFile file(folder);
  LeaseRecord mine;
  mine.process = options.process;
  mine.job = options.job.id;
  mine.restart_count = options.job.restart_count;
  mine.token = new_token(options.process);
  while (true) {
    mine.heartbeat = unix_time();
    const auto owner = file.owner();
    int fd = -1;
    if (!owner) {
      fd = file.create(mine.to_text());
    } else if (is_stale(file, *owner, options, meanwhile)) {
      fd = file.take_over(*owner, mine.to_text(), mine.token);
      if (fd >= 0)
        spdlog::warn("taking over {} from {}, which has ended without releasing it", folder.string(),
                     owner->record ? owner_text(*owner->record) : "an unknown process");
    }
    if (fd >= 0) return Lease(std::make_unique<State>(folder, mine, fd, options.heartbeat_seconds));
  }
}

bool Lease::owned_by(const fs::path& folder, const std::string& token) {
  const LeaseFile file(folder);
  // A text may be half-written.
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto owner = file.owner();
    if (!owner || owner->record) return owner && owner->record->token == token;
  }
  return false;
}

bool Lease::still_owned() const { return owned_by(state_->file.path().parent_path(), token()); }
const std::string& Lease::token() const { return state_->record.token; }

void Lease::refresh() {
  std::lock_guard lock(state_->mutex);
  state_->write();
}

void Lease::release() { state_->release(); }

}  // namespace balr
