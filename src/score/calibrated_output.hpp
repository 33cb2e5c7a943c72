#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "score/calibration_file.hpp"
#include "score/cross_validation.hpp"
#include "score/scored_trials.hpp"

namespace balr {

// Trials whose truth the bounds keep from being reported as strongly as they were computed.
struct CutCounts {
  std::int64_t below = 0, above = 0;
};
CutCounts count_cuts(const std::vector<CalibratedValue>& values);

// The trials' file once more, with log_lr_raw, log_lr, log10_lr_raw, log10_lr and cut in place of
// its log10_lr and what an earlier calibration added. Streamed; appears whole. Throws IoError;
// DataError if the file has changed since it was read.
void write_calibrated_scores(const std::filesystem::path& file, const ScoredTrials& trials,
                             const std::vector<CalibratedValue>& values);

struct CalibratedMetrics {
  const ScoredTrials& trials;
  const std::vector<CalibratedValue>& values;
  const CalibrationFile& calibration;
  bool cross_validated = false;
  int bootstrap = 0, threads = 1;
  std::string population, propositions, program_version;
};
// metrics.json: figures of the log-LRs that are reported, by the names of `score test`, with what
// calibration and bounds did to the CLLR.
std::string calibrated_metrics_json(const CalibratedMetrics& metrics);

}  // namespace balr
