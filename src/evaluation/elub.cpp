#include <algorithm>
#include <cmath>
#include <limits>

#include "balr/evaluation/calibration.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// Counts at the thresholds ln t in [from, to), with the misleading trials added, as shares.
struct Interval {
  double from = -kInf, to = kInf;
  double misses = 0, hits = 0;              // of Nt + 1
  double false_alarms = 0, rejections = 0;  // of Nn + 1
};

std::vector<Interval> intervals(const SortedScores& log_lrs) {
  const auto targets = static_cast<double>(log_lrs.targets().size());
  const auto others = static_cast<double>(log_lrs.non_targets().size());
  std::vector<Interval> out;
  for (const OperatingPoint& point : operating_points(log_lrs)) {
    if (!out.empty()) out.back().to = point.threshold;
    const auto misses = static_cast<double>(point.misses);
    const auto false_alarms = static_cast<double>(point.false_alarms);
    out.push_back({point.threshold, kInf, (misses + 1) / (targets + 1),
                   (targets - misses) / (targets + 1), (false_alarms + 1) / (others + 1),
                   (others - false_alarms) / (others + 1)});
  }
  return out;
}

// The lowest ln t >= 0 with misses + t * false_alarms > 1 just above it.
double upper_bound(const std::vector<Interval>& all) {
  for (const Interval& i : all) {
    // No hits: -inf, every t is too costly.
    const double end = std::log(i.hits) - std::log(i.false_alarms);
    const double first = std::max({end, i.from, 0.0});
    if (first < i.to) return first;
  }
  return 0;  // not reached: the last interval, of +inf, has all targets missed
}

// The highest ln t <= 0 with misses + t * false_alarms > t just below it.
double lower_bound(const std::vector<Interval>& all) {
  for (auto i = all.rbegin(); i != all.rend(); ++i) {
    const double end = std::log(i->misses) - std::log(i->rejections);
    const double last = std::min({end, i->to, 0.0});
    if (last > i->from) return last;
  }
  return 0;
}

}  // namespace

LogLrBounds elub(const SortedScores& log_lrs) {
  log_lrs.require_both_sides();
  const auto all = intervals(log_lrs);
  return {lower_bound(all), upper_bound(all)};
}

}  // namespace balr
