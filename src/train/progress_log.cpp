#include "train/progress_log.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace balr {
namespace {

constexpr auto kBetweenReports = std::chrono::seconds(1);

}  // namespace

ProgressLog::ProgressLog(std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t steps_done, bool speak)
    : epochs_(epochs),
      speak_(speak),
      terminal_(isatty(STDERR_FILENO) == 1),
      progress_("training", "steps", steps_done, epochs * steps_per_epoch, speak),
      last_report_(Clock::now() - kBetweenReports) {}

void ProgressLog::step(std::int64_t steps_done) { progress_.update(steps_done, note_); }

void ProgressLog::epoch(const EpochReport& report) {
  const std::string done = fmt::format("epoch {}/{}", report.epoch + 1, epochs_);
  note_ = fmt::format("{}, train loss {:.6f}", done, report.train[0]);
  if (report.test.empty() || !speak_) return;
  note_ += fmt::format(", test loss {:.6f}{}", *report.test[0], report.best ? " (the best)" : "");
  const auto now = Clock::now();
  if (report.epoch + 1 == epochs_) {
    progress_.finish(epochs_ * report.steps, note_);
  } else if (!terminal_ && now - last_report_ >= kBetweenReports) {  // a terminal's bar says it; a log must not be flooded
    last_report_ = now;
    spdlog::info("{}", note_);
  }
}

}  // namespace balr
