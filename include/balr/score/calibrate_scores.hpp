#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "balr/core/error.hpp"

namespace balr {

struct CalibrateOptions {
  // A scores.csv with labels, to fit a calibration to, or the calibration.json of an earlier call.
  std::filesystem::path from;
  std::filesystem::path scores;  // a scores.csv to calibrate; empty: none
  std::filesystem::path save_dir;
  bool exist_ok = false;        // replace the results of an earlier call
  double target_prior = 0.5;    // of the fit
  double regularization = 0;    // CalibrationOptions; relative to the number of speakers
  bool bounds = true;           // ELUB
  bool cross_validate = false;  // calibrate `from` itself, each trial without its speakers
  bool allow_overlap = false;   // speakers and recordings that both sets have
  bool plots = false;
  int bootstrap = 1000;  // replicates of the confidence intervals; 0: none
  int threads = 1;
  std::string population, propositions;  // the user's words; empty: the calibration's
  std::string program_version;
};

// Fits a calibration and writes calibration.json, and calibrates trials that it was not fitted to:
// scores.csv with raw and bounded log-LRs side by side, metrics.json where labels are known, and
// plots. The calibration file says what it was made from: hashes, the numbers of speakers and
// recordings and hashes of their names, so that a later call can refuse trials that share some.
//
// Cross-validation: a trial of speakers a and b is calibrated by a fit (and bounds) from the trials
// that involve neither, as usual in forensic voice comparison (leave one, or two, speakers out).
// The calibration written is the fit to all.
//
// Throws DataError: files that are no scores or calibration, shared or unknown speakers without
// allow_overlap, another scorer's calibration, what fit_affine_calibration() refuses; IoError.
ExitCode calibrate_scores(const CalibrateOptions& options);

}  // namespace balr
