#pragma once
#include <memory>
#include <optional>
#include <string>

#include "balr/score/score_trials.hpp"
#include "balr/scoring/scorer_file.hpp"
#include "score/test_set.hpp"

namespace balr {

class World;

// A test set with what compares its recordings.
struct OpenedTestSet {
  std::unique_ptr<TestSet> set;
  std::string source, data_hash;  // of the recordings
  std::string scorer_name, scorer_hash;
  std::optional<ScorerCard> card;
  bool fitted = false;  // by a scorer.pt, rather than a cosine
};

// Collective. Throws DataError, ConfigError, IoError.
OpenedTestSet open_test_set(const TestData& data, const ScorerChoice& choice, World& world);

}  // namespace balr
