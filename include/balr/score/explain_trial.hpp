#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/score/score_trials.hpp"

namespace balr {

class World;

struct ExplainOptions {
  TestData data;
  std::filesystem::path trials;
  std::optional<char> separator;
  std::optional<bool> header;
  ScorerChoice scorer;              // not of embeddings, which have no attributes
  std::optional<std::int64_t> row;  // which trial, from 1; nothing: the only one
};

struct AttributeContribution {
  std::int64_t attribute = 0;                           // from 0
  std::int32_t enrollment_active = 0, test_active = 0;  // recordings that show it
  double value = 0;                                     // what it adds to the score
};

struct Explanation {
  std::string enrollment, test;                  // as in TRIALS
  std::string enrollment_speaker, test_speaker;  // empty: not known
  std::int64_t enrollment_recordings = 0, test_recordings = 0;
  std::string scorer;
  bool is_log_lr = true;  // score and values are natural log-LRs
  double score = 0;
  std::vector<AttributeContribution> contributions;  // of all attributes, largest in size first
};

// Collective. Takes the score of one trial apart. Throws DataError: no such trial, a trial without
// a score (and why), embeddings; as score_trials().
Explanation explain_trial(const ExplainOptions& options, World& world);

// A table of the `top` largest contributions, and the sums of all.
std::string explanation_text(const Explanation& explanation, std::int64_t top);
std::string explanation_json(const Explanation& explanation);

}  // namespace balr
