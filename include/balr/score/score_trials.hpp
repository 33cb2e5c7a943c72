#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/scoring/scorer.hpp"

namespace balr {

class StopFlag;
class World;

// What compares two sides.
struct ScorerChoice {
  ScorerKind kind = ScorerKind::kBeta;
  std::filesystem::path checkpoint;        // scorer.pt; not for cosines
  double eps = 1e-8;                       // of kCosine
  bool embeddings = false;                 // the cosine of embeddings instead (kind: kCosine)
  std::filesystem::path mean;              // embeddings whose mean is subtracted; empty: none
  std::optional<std::int64_t> attributes;  // that the user expects
};

struct TestData {
  std::filesystem::path input;  // whatever open_attributes() (open_vectors()) takes
  std::filesystem::path root;
  std::vector<std::string> audio_formats;
};

struct ScoreTrialsOptions {
  TestData data;
  std::filesystem::path trials;
  std::optional<char> separator;  // nothing: found out
  std::optional<bool> header;     // nothing: found out
  ScorerChoice scorer;
  std::filesystem::path save_dir;
  bool exist_ok = false;
  std::optional<int> decimals;  // of scores.csv, in the Python balr's form; nothing: ours
  double allow_missing = 0;     // largest share of trials without a score
  bool allow_overlap = false;   // of speakers and recordings with the scorer's training
  bool plots = false;
  int bootstrap = 1000;  // replicates of the confidence intervals; 0: none
  std::int64_t num_threads = 0;
  std::string population, propositions;
  std::string config_yaml, program_version;
};

// Collective. Scores the trials, read in blocks that the ranks share, and writes scores.csv,
// metrics.json, config.yaml and, asked for, plots: the same bytes on any number of ranks. The
// memory of a rank is that of the test data and of a few blocks, on rank 0 plus some 32 bytes a
// trial. Returns kData where more trials than allowed have no score; the files are written all the
// same. Throws DataError, ConfigError, IoError, StoppedError; nothing is written then.
ExitCode score_trials(const ScoreTrialsOptions& options, World& world, const StopFlag& stop);

}  // namespace balr
