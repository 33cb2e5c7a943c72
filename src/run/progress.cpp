#include "balr/run/progress.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace balr {
namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(200);
constexpr auto kLineInterval = std::chrono::seconds(10);
constexpr int kBarWidth = 24;

}  // namespace

std::string progress_text(std::int64_t done, std::int64_t total, const std::string& unit, double per_second,
                          const std::string& note) {
  char text[160];
  const double percent = total > 0 ? 100.0 * static_cast<double>(done) / static_cast<double>(total) : 100;
  std::snprintf(text, sizeof text, "%lld of %lld %s (%.0f %%)", static_cast<long long>(done), static_cast<long long>(total),
                unit.c_str(), std::min(percent, done < total ? 99.0 : 100.0));
  std::string out = text;
  if (per_second > 0) {
    std::snprintf(text, sizeof text, per_second < 10 ? ", %.2f %s/s" : ", %.0f %s/s", per_second, unit.c_str());
    out += text;
    if (done < total) {
      const auto left = static_cast<long long>(static_cast<double>(total - done) / per_second);
      std::snprintf(text, sizeof text, ", %lld:%02lld:%02lld left", left / 3600, left / 60 % 60, left % 60);
      out += text;
    }
  }
  return note.empty() ? out : out + ", " + note;
}

Progress::Progress(std::string what, std::string unit, std::int64_t done, std::int64_t total, bool speak)
    : what_(std::move(what)), unit_(std::move(unit)), before_(done), done_(done), total_(total), speak_(speak),
      terminal_(isatty(STDERR_FILENO) == 1), shown_(begin_) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

double Progress::per_second() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  return seconds > 0 ? static_cast<double>(done_ - before_) / seconds : 0;
}

void Progress::update(std::int64_t done, const std::string& note) {
  done_ = done;
  if (!speak_) return;
  const auto now = Clock::now();
  if (now - shown_ < (terminal_ ? Clock::duration(kBarInterval) : Clock::duration(kLineInterval))) return;
  shown_ = now;
  show(note);
}

void Progress::finish(std::int64_t done, const std::string& note) {
  done_ = done;
  if (!speak_) return;
  show(note);
  if (open_) std::fputc('\n', stderr);
  open_ = false;
  speak_ = false;
}

void Progress::show(const std::string& note) {
  const std::string text = progress_text(done_, total_, unit_, per_second(), note);
  if (!terminal_) {
    spdlog::info("{}: {}", what_, text);
    return;
  }
  const int filled = total_ > 0 ? static_cast<int>(kBarWidth * done_ / total_) : kBarWidth;
  const std::string bar = std::string(static_cast<std::size_t>(filled), '#') + std::string(static_cast<std::size_t>(kBarWidth - filled), '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %s", what_.c_str(), bar.c_str(), text.c_str());
  std::fflush(stderr);
  open_ = true;
}

}  // namespace balr
