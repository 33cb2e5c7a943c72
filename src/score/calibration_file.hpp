#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/evaluation/calibration.hpp"
#include "score/scored_trials.hpp"

namespace balr {

// calibration.json.
struct CalibrationFile {
  AffineCalibration calibration;
  CalibrationOptions options;
  bool elub = true;  // false: no bounds were asked for
  LogLrBounds bounds;
  // The set that it was fitted to.
  std::string scores_file, scores_sha256, scorer, scorer_sha256;
  std::int64_t targets = 0, non_targets = 0, without_score = 0, unlabelled = 0;
  bool speakers_known = false;
  std::vector<std::string> speaker_hashes, recording_hashes;  // sorted
  std::int64_t cut_below = 0, cut_above = 0;                  // of its own trials
  double cllr = 0, cllr_min = 0;  // of its own trials, after calibration and bounds
  std::string population, propositions, program_version;
  std::string sha256;  // of the file, once it is written or read
};

// Each throws IoError; reading throws DataError that names file and key.
void write_calibration(const std::filesystem::path& file, CalibrationFile& calibration);
CalibrationFile read_calibration(const std::filesystem::path& file);

// Whether the file is a JSON object rather than a table: its first byte that is no blank is {.
bool looks_like_json(const std::filesystem::path& file);

}  // namespace balr
