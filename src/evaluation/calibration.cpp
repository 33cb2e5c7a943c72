#include "balr/evaluation/calibration.hpp"

#include <cmath>
#include <string>

#include "balr/core/error.hpp"
#include "balr/evaluation/metrics.hpp"

namespace balr {
namespace {

// The objective's value, gradient and Hessian in (slope, offset), divided by nothing.
struct Objective {
  double value = 0, by_slope = 0, by_offset = 0;
  double slope_slope = 0, slope_offset = 0, offset_offset = 0;

  // One trial: `as_target` and `as_other` are the weights of its two labels.
  void add(double score, double z, double as_target, double as_other) {
    const double p = 1 / (1 + std::exp(-z));
    value += as_target * softplus(-z) + as_other * softplus(z);
    const double slope_of_z = as_other * p - as_target * (1 - p);
    const double curvature = (as_target + as_other) * p * (1 - p);
    by_slope += slope_of_z * score;
    by_offset += slope_of_z;
    slope_slope += curvature * score * score;
    slope_offset += curvature * score;
    offset_offset += curvature;
  }
};

class Fit {
 public:
  Fit(const SortedScores& scores, const CalibrationOptions& options) : scores_(scores) {
    const auto targets = static_cast<double>(scores.targets().size());
    const auto others = static_cast<double>(scores.non_targets().size());
    const double prior = options.target_prior;
    logit_ = std::log(prior) - std::log1p(-prior);
    of_target_ = prior / targets;
    of_other_ = (1 - prior) / others;
    const double df = options.degrees_of_freedom > 0
                          ? static_cast<double>(options.degrees_of_freedom)
                          : targets + others;
    of_pseudo_ = options.regularization / (2 * df * (targets + others));
    // Newton works on scores of mean 0 and deviation 1: scores of any unit fit alike.
    double sum = 0, count = 0;
    each([&](double s, double, double) { sum += s, count += 1; });
    mean_ = sum / count;
    double squares = 0;
    each([&](double s, double, double) { squares += (s - mean_) * (s - mean_); });
    deviation_ = std::sqrt(squares / count);
  }

  bool all_equal() const { return !(deviation_ > 0); }

  AffineCalibration run() {
    double slope = 0, offset = 0;
    Objective now = at(slope, offset);
    constexpr int kMostSteps = 200;
    for (int step = 0; step < kMostSteps; ++step) {
      const double determinant =
          now.slope_slope * now.offset_offset - now.slope_offset * now.slope_offset;
      if (!(determinant > 0)) break;
      const double by =
          (now.offset_offset * now.by_slope - now.slope_offset * now.by_offset) / determinant;
      const double to =
          (now.slope_slope * now.by_offset - now.slope_offset * now.by_slope) / determinant;
      // Halved until it helps: far from the optimum a full Newton step may overshoot.
      double share = 1;
      Objective next = at(slope - by, offset - to);
      while (next.value > now.value && share > 1e-10) {
        share /= 2;
        next = at(slope - share * by, offset - share * to);
      }
      const bool close = std::abs(by) <= 1e-12 * (1 + std::abs(slope)) &&
                         std::abs(to) <= 1e-12 * (1 + std::abs(offset));
      // At rounding's floor nothing improves any more; the step is then tiny all the same.
      const bool floor = next.value >= now.value && std::abs(by) + std::abs(to) < 1e-6;
      if (next.value <= now.value) slope -= share * by, offset -= share * to, now = next;
      if (close || floor) return {slope / deviation_, offset - slope * mean_ / deviation_};
    }
    throw DataError(
        "The calibration did not converge; look at the scores for values of extreme size, or give "
        "--regularization 1");
  }

 private:
  // f(score, weight as target, weight as non-target) of every finite score.
  template <class F>
  void each(F&& f) const {
    for (const double s : scores_.targets())
      if (std::isfinite(s)) f(s, of_target_ + of_pseudo_, of_pseudo_);
    for (const double s : scores_.non_targets())
      if (std::isfinite(s)) f(s, of_pseudo_, of_other_ + of_pseudo_);
  }
  Objective at(double slope, double offset) const {
    Objective sum;
    each([&](double s, double as_target, double as_other) {
      const double x = (s - mean_) / deviation_;
      sum.add(x, slope * x + offset + logit_, as_target, as_other);
    });
    return sum;
  }

  const SortedScores& scores_;
  double logit_ = 0, of_target_ = 0, of_other_ = 0, of_pseudo_ = 0;
  double mean_ = 0, deviation_ = 0;
};

DataError wrong_slope() {
  return DataError(
      "The calibration's slope is not above 0: same-speaker trials of the calibration set do not "
      "have the higher scores; check its labels, or give more trials");
}

void refuse_wrong_infinities(const SortedScores& scores) {
  const double lowest = scores.targets().front(), highest = scores.non_targets().back();
  if (std::isinf(lowest) && lowest < 0)
    throw DataError(
        "A same-speaker trial of the calibration set has the score -inf, which no slope repairs; "
        "look at that trial, or use a scorer with finite scores");
  if (std::isinf(highest) && highest > 0)
    throw DataError(
        "A different-speaker trial of the calibration set has the score +inf, which no slope "
        "repairs; look at that trial, or use a scorer with finite scores");
}

// Without regularisation the slope would then grow without end, or fall.
void refuse_separable(const SortedScores& scores) {
  if (scores.targets().front() >= scores.non_targets().back())
    throw DataError(
        "The calibration set is too small: its scores separate the same-speaker from the "
        "different-speaker trials, so any slope would fit; give more trials, or --regularization "
        "1");
  if (scores.non_targets().front() >= scores.targets().back()) throw wrong_slope();
}

}  // namespace

double AffineCalibration::apply(double score) const { return slope * score + offset; }

double LogLrBounds::apply(double log_lr) const {
  return log_lr < lower ? lower : log_lr > upper ? upper : log_lr;
}

AffineCalibration fit_affine_calibration(const SortedScores& scores,
                                         const CalibrationOptions& options) {
  BALR_CHECK(options.target_prior > 0 && options.target_prior < 1);
  BALR_CHECK(options.regularization >= 0);
  scores.require_both_sides();
  refuse_wrong_infinities(scores);
  Fit fit(scores, options);
  if (fit.all_equal())
    throw DataError(
        "Fewer than two different finite scores are in the calibration set: there is nothing to "
        "calibrate "
        "from; give more trials");
  if (options.regularization == 0) refuse_separable(scores);
  const AffineCalibration result = fit.run();
  if (!(result.slope > 0)) throw wrong_slope();
  return result;
}

}  // namespace balr
