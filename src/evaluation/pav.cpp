#include "balr/evaluation/pav.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "evaluation/score_counts.hpp"

namespace balr {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

std::vector<PavBlock> pool_adjacent_violators(const SortedScores& scores) {
  return pool_adjacent_violators(count_scores(scores));
}

double pav_log_lr(const PavBlock& block, std::int64_t targets, std::int64_t non_targets) {
  if (block.targets == 0) return -std::numeric_limits<double>::infinity();
  if (block.non_targets == 0) return std::numeric_limits<double>::infinity();
  return std::log(static_cast<double>(block.targets) / static_cast<double>(targets)) -
         std::log(static_cast<double>(block.non_targets) / static_cast<double>(non_targets));
}

double min_cllr(const SortedScores& scores) { return min_cllr(count_scores(scores)); }

double empirical_cross_entropy(const SortedScores& log_lrs, double prior_log_odds) {
  log_lrs.require_both_sides();
  double targets = 0, others = 0;
  for (const double s : log_lrs.targets()) targets += softplus(-(s + prior_log_odds));
  for (const double s : log_lrs.non_targets()) others += softplus(s + prior_log_odds);
  return (sigmoid(prior_log_odds) * targets / static_cast<double>(log_lrs.targets().size()) +
          sigmoid(-prior_log_odds) * others / static_cast<double>(log_lrs.non_targets().size())) /
         std::numbers::ln2;
}

double min_empirical_cross_entropy(const std::vector<PavBlock>& blocks, double prior_log_odds) {
  std::int64_t all_targets = 0, all_others = 0;
  for (const PavBlock& block : blocks) {
    all_targets += block.targets;
    all_others += block.non_targets;
  }
  double targets = 0, others = 0;
  for (const PavBlock& block : blocks) {
    const double s = pav_log_lr(block, all_targets, all_others) + prior_log_odds;
    if (block.targets > 0) targets += static_cast<double>(block.targets) * softplus(-s);
    if (block.non_targets > 0) others += static_cast<double>(block.non_targets) * softplus(s);
  }
  return (sigmoid(prior_log_odds) * targets / static_cast<double>(all_targets) +
          sigmoid(-prior_log_odds) * others / static_cast<double>(all_others)) /
         std::numbers::ln2;
}

double neutral_cross_entropy(double prior_log_odds) {
  return (sigmoid(prior_log_odds) * softplus(-prior_log_odds) +
          sigmoid(-prior_log_odds) * softplus(prior_log_odds)) /
         std::numbers::ln2;
}

}  // namespace balr
