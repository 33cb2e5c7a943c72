#include "balr/evaluation/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "evaluation/score_counts.hpp"

namespace balr {
namespace {

double mean_softplus(std::span<const double> scores, double sign) {
  double sum = 0;
  for (const double s : scores) sum += softplus(sign * s);
  return sum / static_cast<double>(scores.size());
}

}  // namespace

EqualErrorRate equal_error_rate(const SortedScores& scores) {
  const ScoreCounts counts = count_scores(scores);
  const OperatingPoint best = equal_error_point(counts);
  return {error_rate_at(counts, best), best.threshold};
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double cllr(const SortedScores& scores) {
  scores.require_both_sides();
  return (mean_softplus(scores.targets(), -1) + mean_softplus(scores.non_targets(), 1)) /
         (2 * std::numbers::ln2);
}

MinimalCost min_detection_cost(const SortedScores& scores, const DetectionCost& cost) {
  return min_detection_cost(count_scores(scores), cost);
}

std::vector<Figure> reference_metrics(const SortedScores& scores) {
  std::vector<Figure> out;
  for (const char* name : {"TP", "TN", "FP", "FN", "FAR", "FRR", "DER", "threshold", "precision",
                           "recall", "F-score", "MCC", "EER", "EER_thres", "CLLR"})
    out.push_back({name, std::nullopt});
  if (!scores.has_both_sides()) return out;

  const ScoreCounts counts = count_scores(scores);
  const OperatingPoint point = equal_error_point(counts);
  const auto fn = static_cast<double>(point.misses);
  const auto fp = static_cast<double>(point.false_alarms);
  const double tp = static_cast<double>(scores.targets().size()) - fn;
  const double tn = static_cast<double>(scores.non_targets().size()) - fp;
  constexpr double kEps = 1e-8;
  const double mcc =
      (tp * tn - fp * fn) / std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + kEps);
  const double values[] = {tp,
                           tn,
                           fp,
                           fn,
                           fp / (fp + tn + kEps),
                           fn / (tp + fn + kEps),
                           (fp + fn) / (tp + tn + kEps),
                           point.threshold,
                           tp / (tp + fp + kEps),
                           tp / (tp + fn + kEps),
                           2 * tp / (2 * tp + fn + fp),
                           mcc,
                           error_rate_at(counts, point),
                           point.threshold,
                           cllr(scores)};
  for (std::size_t i = 0; i < out.size(); ++i) out[i].value = values[i];
  return out;
}

}  // namespace balr
