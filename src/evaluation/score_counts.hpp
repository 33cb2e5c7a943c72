#pragma once
#include <cstdint>
#include <vector>

#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "balr/evaluation/score_set.hpp"

namespace balr {

// How many trials have one score. In a bootstrap replicate a trial may count several times, or not.
struct ScoreCount {
  double score = 0;
  std::int64_t targets = 0, non_targets = 0;
};

// The distinct scores in ascending order, and the sums over them. Each sum is below 2^31, so that
// products of counts from both sides fit into 64 bits and rates are compared exactly.
struct ScoreCounts {
  std::vector<ScoreCount> at = {};
  std::int64_t targets = 0, non_targets = 0;
};
ScoreCounts count_scores(const SortedScores& scores);

// Of metrics.hpp and pav.hpp, for counts. Both sums are positive. Scores with count 0 are allowed.
OperatingPoint equal_error_point(const ScoreCounts& counts);
double error_rate_at(const ScoreCounts& counts, const OperatingPoint& point);  // (FAR + FRR) / 2
MinimalCost min_detection_cost(const ScoreCounts& counts, const DetectionCost& cost);
std::vector<PavBlock> pool_adjacent_violators(const ScoreCounts& counts);
double min_cllr(const ScoreCounts& counts);

}  // namespace balr
