#include "balr/evaluation/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "balr/core/error.hpp"

namespace balr {
namespace {

// Pmiss and Pfa get compared as integers over a common denominator: their products must fit.
constexpr std::size_t kMostTrialsOfASide = std::size_t{1} << 31;

OperatingPoint equal_error_point(const SortedScores& scores) {
  scores.require_both_sides();
  const auto targets = static_cast<std::int64_t>(scores.targets().size());
  const auto others = static_cast<std::int64_t>(scores.non_targets().size());
  BALR_CHECK(scores.targets().size() < kMostTrialsOfASide);
  BALR_CHECK(scores.non_targets().size() < kMostTrialsOfASide);
  const auto points = operating_points(scores);
  // The reference tries scores only, so "accept all" (the first point) is no candidate.
  OperatingPoint best = points[1];
  std::int64_t smallest = -1;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const std::int64_t gap =
        std::abs(points[i].false_alarms * targets - points[i].misses * others);
    if (smallest >= 0 && gap >= smallest) continue;
    smallest = gap;
    best = points[i];
  }
  return best;
}

double mean_softplus(std::span<const double> scores, double sign) {
  double sum = 0;
  for (const double s : scores) sum += softplus(sign * s);
  return sum / static_cast<double>(scores.size());
}

}  // namespace

EqualErrorRate equal_error_rate(const SortedScores& scores) {
  const OperatingPoint best = equal_error_point(scores);
  const double far = static_cast<double>(best.false_alarms) /
                     static_cast<double>(scores.non_targets().size());
  const double frr =
      static_cast<double>(best.misses) / static_cast<double>(scores.targets().size());
  return {(far + frr) / 2, best.threshold};
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double cllr(const SortedScores& scores) {
  scores.require_both_sides();
  return (mean_softplus(scores.targets(), -1) + mean_softplus(scores.non_targets(), 1)) /
         (2 * std::numbers::ln2);
}

MinimalCost min_detection_cost(const SortedScores& scores, const DetectionCost& cost) {
  scores.require_both_sides();
  BALR_CHECK(cost.target_prior > 0 && cost.target_prior < 1);
  BALR_CHECK(cost.miss_cost > 0 && cost.false_alarm_cost > 0);
  const double of_miss = cost.miss_cost * cost.target_prior;
  const double of_false_alarm = cost.false_alarm_cost * (1 - cost.target_prior);
  const double scale = std::min(of_miss, of_false_alarm);
  const auto targets = static_cast<double>(scores.targets().size());
  const auto others = static_cast<double>(scores.non_targets().size());
  MinimalCost best{.cost = std::numeric_limits<double>::infinity()};
  for (const OperatingPoint& point : operating_points(scores)) {
    const double value = (of_miss * (static_cast<double>(point.misses) / targets) +
                          of_false_alarm * (static_cast<double>(point.false_alarms) / others)) /
                         scale;
    if (value < best.cost) best = {value, point.threshold};
  }
  return best;
}

std::vector<Figure> reference_metrics(const SortedScores& scores) {
  std::vector<Figure> out;
  for (const char* name : {"TP", "TN", "FP", "FN", "FAR", "FRR", "DER", "threshold", "precision",
                           "recall", "F-score", "MCC", "EER", "EER_thres", "CLLR"})
    out.push_back({name, std::nullopt});
  if (!scores.has_both_sides()) return out;

  const OperatingPoint point = equal_error_point(scores);
  const auto fn = static_cast<double>(point.misses);
  const auto fp = static_cast<double>(point.false_alarms);
  const double tp = static_cast<double>(scores.targets().size()) - fn;
  const double tn = static_cast<double>(scores.non_targets().size()) - fp;
  constexpr double kEps = 1e-8;
  const double mcc = (tp * tn - fp * fn) /
                     std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + kEps);
  const double values[] = {
      tp, tn, fp, fn, fp / (fp + tn + kEps), fn / (tp + fn + kEps), (fp + fn) / (tp + tn + kEps),
      point.threshold, tp / (tp + fp + kEps), tp / (tp + fn + kEps),
      2 * tp / (2 * tp + fn + fp), mcc, equal_error_rate(scores).rate, point.threshold,
      cllr(scores)};
  for (std::size_t i = 0; i < out.size(); ++i) out[i].value = values[i];
  return out;
}

}  // namespace balr
