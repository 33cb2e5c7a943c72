#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "balr/evaluation/score_set.hpp"
#include "balr/score/score_trials.hpp"
#include "score/trial_block.hpp"

namespace balr {

// All trials of a run.
struct TrialTotals {
  std::vector<TrialValue> values;  // with score and label
  std::int64_t trials = 0, unlabelled = 0, with_itself = 0;
  std::array<std::int64_t, kTrialCauses> causes{};
  std::string first_status;
  std::int64_t first_line = 0;

  void add(const BlockResult& block);
  std::int64_t left_out() const { return trials - causes[0]; }
};

// The scores of trials whose truth is known.
SortedScores sorted_scores(const TrialTotals& totals);

// What metrics.json says beside the numbers.
struct MetricsContext {
  std::string scorer, scorer_hash, data_hash, trials_hash, population, propositions,
      program_version;
  bool is_log_lr = true, has_speakers = true;
  std::int64_t speakers = 0;  // of the data set
  int bootstrap = 0;          // replicates; 0: no confidence intervals
  int threads = 1;
};

// The Python balr's metrics in its order, more figures, confidence intervals over speakers, counts
// of trials used and left out, and the origin. null: not defined for these trials, as where all are
// of one kind.
std::string metrics_json(const TrialTotals& totals, const MetricsContext& context);

}  // namespace balr
