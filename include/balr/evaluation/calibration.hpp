#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "balr/evaluation/score_set.hpp"

// From scores to log-LRs that may be reported.
namespace balr {

struct CalibrationOptions {
  // Weighs the two kinds of trials in the objective, whatever their numbers are.
  double target_prior = 0.5;
  // Pseudo-trials that pull the log-LRs towards 0 ("kappa" of Morrison and Poh, 2018); 0: none. Up
  // to 0.1 only keeps separable scores finite, 1 and more shrinks on purpose.
  double regularization = 0;
  // What `regularization` is relative to ("df"): the number of speakers in the set; 0: the number
  // of trials, which shrinks less.
  std::int64_t degrees_of_freedom = 0;
};

// log-LR = slope * score + offset.
struct AffineCalibration {
  double slope = 1, offset = 0;
  double apply(double score) const;  // infinite scores stay infinite
};

// Prior-weighted logistic regression: Bruemmer and du Preez, "Application-independent evaluation of
// speaker detection", Computer Speech and Language 20 (2006); Morrison, "Tutorial on
// logistic-regression calibration and fusion", Australian Journal of Forensic Sciences 45 (2013).
// Minimises, with z = slope * s + offset + ln(P / (1 - P)), N = Nt + Nn trials,
//   P * mean over targets of ln(1 + e^-z) + (1 - P) * mean over non-targets of ln(1 + e^z)
//   + kappa / (2 df N) * sum over all trials of (ln(1 + e^-z) + ln(1 + e^z)).
// The last line is the regularisation of Morrison and Poh, "Avoiding overstating the strength of
// forensic evidence: Shrunk likelihood ratios / Bayes factors", Science and Justice 58 (2018):
// every score once more with both labels, as a flat prior. Newton's method in double, to a relative
// change of 1e-12.
//
// A target with +inf or a non-target with -inf adds nothing, for any slope above 0, but counts as
// a trial. DataError that says what to do: an infinite score on the wrong side, equal scores only,
// scores that separate the sides without regularisation (the slope would be infinite), a slope that
// is not above 0, an empty side.
AffineCalibration fit_affine_calibration(const SortedScores& scores,
                                         const CalibrationOptions& options = {});

// The range inside which log-LRs may be reported.
struct LogLrBounds {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  double apply(double log_lr) const;
};

// Empirical lower and upper bounds (ELUB): Vergeer, van Es, de Jongh, Alberink and Stoel,
// "Numerical likelihood ratios outputted by LR systems are often based on extrapolation: When to
// stop extrapolating?", Science and Justice 56 (2016), as in the package lir of the Netherlands
// Forensic Institute: with one more misleading trial on each side, let
//   U(t) = (misses(t) + 1) / (Nt + 1) + t * (false alarms(t) + 1) / (Nn + 1)
// be the cost of deciding by the LRs at the threshold t. The bounds enclose the thresholds around 1
// where U(t) <= min(t, 1), the cost of deciding without them: `upper` is the lowest t >= 1 beyond
// which that ends, `lower` the highest t <= 1. Here t is solved for between the scores (lir steps
// by 0.01 in log10, from inside). Never beyond LR = Nn + 1 and 1 / (Nt + 1), nor beyond the data.
// lower <= 0 <= upper, natural log. DataError where a side is empty.
LogLrBounds elub(const SortedScores& log_lrs);

}  // namespace balr
