#include "dist/watchdog.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace balr {
namespace {

constexpr double kBusyFactor = 10;       // how much longer than others a busy rank may be silent
constexpr double kShortestInterval = 0.05;
constexpr std::size_t kMostNamed = 8;    // ranks described in one message

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), kMostNamed); ++i) out += (i ? "; " : "") + items[i];
  if (items.size() > kMostNamed) out += "; and " + std::to_string(items.size() - kMostNamed) + " more";
  return out;
}

std::string operation_text(const RankReport& report) {
  return "operation " + std::to_string(report.operation) + " '" + report.name + "'";
}

}  // namespace

void RankReport::set_name(std::string_view text) {
  const std::size_t length = std::min(text.size(), sizeof name - 1);
  std::memset(name, 0, sizeof name);
  std::memcpy(name, text.data(), length);
}

Watchdog::Watchdog(double limit_seconds, int rank, std::vector<std::string> hosts, double now)
    : limit_(limit_seconds), rank_(rank), hosts_(std::move(hosts)), ranks_(hosts_.size()), last_look_(now) {}

double Watchdog::report_interval() const { return std::max(kShortestInterval, limit_ / 20); }

void Watchdog::observe(int rank, const RankReport& report) {
  Watched& watched = ranks_[static_cast<std::size_t>(rank)];
  const bool same_wait = watched.report.state == RankReport::State::kWaiting && report.state == RankReport::State::kWaiting &&
                         watched.report.operation == report.operation;
  if (!same_wait) watched.waiting_since = free_clock_;
  watched.report = report;
  watched.heard = clock_;
}

std::optional<std::string> Watchdog::verdict(double now) {
  if (limit_ <= 0) return std::nullopt;
  const double step = std::min(now - last_look_, limit_ / 4);
  last_look_ = now;
  clock_ += step;
  const auto busy = [](const Watched& w) { return w.report.state == RankReport::State::kBusy; };
  if (std::none_of(ranks_.begin(), ranks_.end(), busy)) free_clock_ += step;
  if (auto text = silence()) return text;
  return rank_ == 0 ? stall() : std::nullopt;
}

bool Watchdog::silent(int rank) const {
  const Watched& watched = ranks_[static_cast<std::size_t>(rank)];
  double limit = limit_ * (watched.report.state == RankReport::State::kBusy ? kBusyFactor : 1);
  if (rank_ != 0) limit += 2 * report_interval() + 0.05 * std::min(rank_, 40);  // one rank speaks first
  return rank != rank_ && clock_ - watched.heard > limit;
}

std::string Watchdog::place(int rank) const {
  return "rank " + std::to_string(rank) + " on " + hosts_[static_cast<std::size_t>(rank)];
}

std::string Watchdog::describe(int rank) const {
  const Watched& watched = ranks_[static_cast<std::size_t>(rank)];
  const double quiet = rank == rank_ ? 0 : clock_ - watched.heard;
  std::string text = place(rank) + " (";
  if (quiet > 3 * report_interval()) text += "not heard of for " + seconds_text(quiet) + ", ";
  switch (watched.report.state) {
    case RankReport::State::kWorking:
      text += watched.report.operation == 0 ? "before its first operation" : "working after " + operation_text(watched.report);
      break;
    case RankReport::State::kWaiting: text += "waiting in " + operation_text(watched.report); break;
    case RankReport::State::kBusy: text += std::string("busy with '") + watched.report.name + "'"; break;
  }
  return text + ")";
}

std::optional<std::string> Watchdog::silence() const {
  std::vector<std::string> names;
  for (int r = 0; r < (rank_ == 0 ? static_cast<int>(ranks_.size()) : 1); ++r)
    if (silent(r)) names.push_back(describe(r));
  if (names.empty()) return std::nullopt;
  return "no sign of life within watchdog_seconds=" + seconds_text(limit_) + " from " + join(names) +
         ": look at that process and host, then start again; the finished work is kept";
}

std::optional<std::string> Watchdog::stall() const {
  // The earliest operation in which some rank has waited for too long; ranks that are behind it hold the others up.
  // The margin lets a rank that is silent be named as such.
  const double limit = limit_ + 2 * report_interval();
  const Watched* stuck = nullptr;
  for (const Watched& w : ranks_) {
    const bool waits = w.report.state == RankReport::State::kWaiting && free_clock_ - w.waiting_since > limit;
    if (waits && (!stuck || w.report.operation < stuck->report.operation)) stuck = &w;
  }
  if (!stuck) return std::nullopt;
  std::vector<std::string> missing, elsewhere;
  for (int r = 0; r < static_cast<int>(ranks_.size()); ++r) {
    const RankReport& report = ranks_[static_cast<std::size_t>(r)].report;
    if (report.operation < stuck->report.operation) missing.push_back(describe(r));
    if (report.operation == stuck->report.operation && std::strcmp(report.name, stuck->report.name) != 0)
      elsewhere.push_back(describe(r));
  }
  const std::string what = operation_text(stuck->report) + " has not ended within watchdog_seconds=" + seconds_text(limit_);
  if (!missing.empty()) return what + ": not joined by " + join(missing);
  if (!elsewhere.empty()) return what + ": in another operation is " + join(elsewhere) + "; please report it";
  return what + " though every rank has joined it: look at the network and the MPI library";
}

}  // namespace balr
