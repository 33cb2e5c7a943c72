#pragma once
#include <vector>

#include "balr/evaluation/calibration.hpp"
#include "score/scored_trials.hpp"

namespace balr {

// A trial's log-LR before and after the bounds.
struct CalibratedValue {
  double raw = 0, bounded = 0;
};

// Calibrates each trial that has a score with a fit, and bounds, from the labelled trials that
// involve neither of its speakers; the others stay NaN. Deterministic whatever `threads` is.
// Throws DataError: speakers not known, more work than a small set is, or a fit that fails, with
// the number of the speakers left out.
std::vector<CalibratedValue> cross_validated(const ScoredTrials& trials,
                                             const CalibrationOptions& options, bool elub,
                                             int threads);

}  // namespace balr
