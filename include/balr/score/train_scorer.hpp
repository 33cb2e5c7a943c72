#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/scoring/fit.hpp"

namespace balr {

class World;

struct TrainScorerOptions {
  std::filesystem::path input;  // whatever open_attributes() takes; every row with a speaker
  std::filesystem::path root;
  std::vector<std::string> audio_formats;
  std::filesystem::path save_dir;
  bool exist_ok = false;  // replace the scorer of an earlier call
  FitSettings settings;
  std::optional<std::int64_t> attributes;  // that the user expects
  std::string population, propositions;    // the user's words, kept with the scorer
  std::int64_t num_threads = 0;
  std::string config_yaml, program_version;
};

// Collective. Counts the attributes of each speaker over the ranks, fits the scorer and writes
// scorer.pt, scorer.json and config.yaml: the same bytes on any number of ranks. Throws DataError
// (the input; a fit that is not finite or has not converged, which is not saved), ConfigError,
// IoError.
ExitCode train_scorer(const TrainScorerOptions& options, World& world);

}  // namespace balr
