#pragma once
#include <cstdint>
#include <vector>

#include "balr/evaluation/score_set.hpp"

// What scores could be worth: the best calibration that keeps their order.
namespace balr {

// Scores between `lowest` and `highest` (both are scores of the set) get one log-LR.
struct PavBlock {
  double lowest = 0, highest = 0;
  std::int64_t targets = 0, non_targets = 0;
};
// Pool adjacent violators (Ayer et al., 1955; for log-LRs: Bruemmer and du Preez, 2006): blocks in
// ascending order whose share of targets rises strictly. Equal scores are never parted. The result
// does not depend on the prior: weighting a side keeps the order of the ratios targets /
// non-targets. Compared in integers, exactly. DataError where a side is empty.
std::vector<PavBlock> pool_adjacent_violators(const SortedScores& scores);

// The optimal natural-log LR of a block: ln((block's share of all targets) / (its share of all
// non-targets)); -inf for a block without targets, +inf for one without non-targets.
double pav_log_lr(const PavBlock& block, std::int64_t targets, std::int64_t non_targets);

// CLLR of the optimal log-LRs: what the scores' order is worth; CLLR - min CLLR is lost by
// calibration. At most 1.
double min_cllr(const SortedScores& scores);

// Empirical cross-entropy in bits at prior log-odds ln(P / (1 - P)) (natural logarithm): Ramos and
// Gonzalez-Rodriguez, "Reliable support: measuring calibration of likelihood ratios", Forensic
// Science International 230 (2013), equation of the ECE:
//   P / Nt * sum over targets of log2(1 + 1 / (LR O)) + (1 - P) / Nn * sum over non-targets of
//   log2(1 + LR O),  O = P / (1 - P).
// At O = 1 it is the CLLR.
double empirical_cross_entropy(const SortedScores& log_lrs, double prior_log_odds);
// The same for the optimal log-LRs of pool_adjacent_violators(), and for LR = 1 always.
double min_empirical_cross_entropy(const std::vector<PavBlock>& blocks, double prior_log_odds);
double neutral_cross_entropy(double prior_log_odds);

}  // namespace balr
