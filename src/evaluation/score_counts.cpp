#include "evaluation/score_counts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "balr/core/error.hpp"

namespace balr {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

ScoreCounts count_scores(const SortedScores& scores) {
  scores.require_both_sides();
  const auto targets = scores.targets(), others = scores.non_targets();
  constexpr std::size_t kMost = std::size_t{1} << 31;
  BALR_CHECK(targets.size() < kMost && others.size() < kMost);
  ScoreCounts counts{.targets = static_cast<std::int64_t>(targets.size()),
                     .non_targets = static_cast<std::int64_t>(others.size())};
  std::size_t t = 0, n = 0;
  while (t < targets.size() || n < others.size()) {
    const bool from_targets = n == others.size() || (t < targets.size() && targets[t] <= others[n]);
    ScoreCount count{.score = from_targets ? targets[t] : others[n]};
    for (; t < targets.size() && targets[t] == count.score; ++t) ++count.targets;
    for (; n < others.size() && others[n] == count.score; ++n) ++count.non_targets;
    counts.at.push_back(count);
  }
  return counts;
}

OperatingPoint equal_error_point(const ScoreCounts& counts) {
  OperatingPoint point{.misses = 0, .false_alarms = counts.non_targets}, best;
  std::int64_t smallest = -1;
  for (const ScoreCount& count : counts.at) {
    if (count.targets == 0 && count.non_targets == 0) continue;
    point.threshold = count.score;
    point.misses += count.targets;
    point.false_alarms -= count.non_targets;
    const std::int64_t gap =
        std::abs(point.false_alarms * counts.targets - point.misses * counts.non_targets);
    if (smallest >= 0 && gap >= smallest) continue;
    smallest = gap;
    best = point;
  }
  return best;
}

double error_rate_at(const ScoreCounts& counts, const OperatingPoint& point) {
  return (share(point.false_alarms, counts.non_targets) + share(point.misses, counts.targets)) / 2;
}

MinimalCost min_detection_cost(const ScoreCounts& counts, const DetectionCost& cost) {
  BALR_CHECK(cost.target_prior > 0 && cost.target_prior < 1);
  BALR_CHECK(cost.miss_cost > 0 && cost.false_alarm_cost > 0);
  const double of_miss = cost.miss_cost * cost.target_prior;
  const double of_false_alarm = cost.false_alarm_cost * (1 - cost.target_prior);
  const double scale = std::min(of_miss, of_false_alarm);
  std::int64_t misses = 0, false_alarms = counts.non_targets;
  // Accept all; then each score as the threshold.
  MinimalCost best{of_false_alarm / scale, -std::numeric_limits<double>::infinity()};
  for (const ScoreCount& count : counts.at) {
    misses += count.targets;
    false_alarms -= count.non_targets;
    const double value = (of_miss * share(misses, counts.targets) +
                          of_false_alarm * share(false_alarms, counts.non_targets)) /
                         scale;
    if (value < best.cost) best = {value, count.score};
  }
  return best;
}

std::vector<PavBlock> pool_adjacent_violators(const ScoreCounts& counts) {
  std::vector<PavBlock> blocks;
  for (const ScoreCount& count : counts.at) {
    if (count.targets == 0 && count.non_targets == 0) continue;
    PavBlock block{count.score, count.score, count.targets, count.non_targets};
    // The block before is a violator if its ratio targets / non-targets is not smaller.
    while (!blocks.empty() &&
           blocks.back().targets * block.non_targets >= block.targets * blocks.back().non_targets) {
      block.lowest = blocks.back().lowest;
      block.targets += blocks.back().targets;
      block.non_targets += blocks.back().non_targets;
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  return blocks;
}

double min_cllr(const ScoreCounts& counts) {
  double targets = 0, others = 0;
  for (const PavBlock& block : pool_adjacent_violators(counts)) {
    const double s = pav_log_lr(block, counts.targets, counts.non_targets);
    if (block.targets > 0) targets += static_cast<double>(block.targets) * softplus(-s);
    if (block.non_targets > 0) others += static_cast<double>(block.non_targets) * softplus(s);
  }
  return (targets / static_cast<double>(counts.targets) +
          others / static_cast<double>(counts.non_targets)) /
         (2 * std::numbers::ln2);
}

}  // namespace balr
