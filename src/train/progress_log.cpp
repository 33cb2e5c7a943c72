#include "train/progress_log.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

namespace balr {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kBetweenLines = seconds(10);
constexpr auto kBetweenDraws = milliseconds(200);
constexpr auto kBetweenReports = seconds(1);

std::string duration(double total) {
  const auto s = static_cast<std::int64_t>(total);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) : fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

ProgressLog::ProgressLog(std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t rows_per_step,
                         std::int64_t first_step)
    : epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      rows_per_step_(rows_per_step),
      first_step_(first_step),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()),
      last_line_(begin_),
      last_report_(begin_ - kBetweenReports) {}

ProgressLog::~ProgressLog() { clear(); }

void ProgressLog::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

std::string ProgressLog::describe(std::int64_t steps_done, Clock::time_point now) const {
  const double passed = std::chrono::duration<double>(now - begin_).count();
  const double rate = static_cast<double>(steps_done - first_step_) / passed;
  const double left = static_cast<double>(epochs_ * steps_per_epoch_ - steps_done) / rate;
  return fmt::format("epoch {}/{}, step {}{}, {:.0f} rows/s, {} left", steps_done / steps_per_epoch_, epochs_, steps_done,
                     losses_, rate * static_cast<double>(rows_per_step_), duration(left));
}

void ProgressLog::step(std::int64_t steps_done) {
  const auto now = Clock::now();
  if (now - last_line_ < (terminal_ ? Clock::duration(kBetweenDraws) : Clock::duration(kBetweenLines))) return;
  last_line_ = now;
  if (!terminal_) {
    spdlog::info("{}", describe(steps_done, now));
    return;
  }
  std::fprintf(stderr, "\r\033[K%s", describe(steps_done, now).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLog::epoch(const EpochReport& report) {
  losses_ = fmt::format(", train loss {:.6f}", report.train[0]);
  if (report.test.empty()) return;
  const bool last = report.epoch + 1 == epochs_;
  const auto now = Clock::now();
  if (!last && now - last_report_ < kBetweenReports) return;
  last_report_ = now;
  clear();
  spdlog::info("epoch {}/{}: train loss {:.6f}, test loss {:.6f}{}", report.epoch + 1, epochs_, report.train[0],
               report.test[0], report.best ? " (the best)" : "");
}

}  // namespace balr
