#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace balr {

// The scores of trials whose truth is known: higher means "more likely the same speaker". Where a
// function calls them log-LRs they are natural logarithms of likelihood ratios. -inf and +inf are
// allowed, NaN never.
struct ScoreSet {
  std::vector<double> targets;      // of same-speaker trials
  std::vector<double> non_targets;  // of different-speaker trials
};

// A ScoreSet in ascending order. Every number of this module is computed from the sorted scores, so
// it cannot depend on the order of the trials or on how ranks divided them. Sorting is the
// O(n log n) part; everything after it is one pass.
class SortedScores {
 public:
  // DataError if a score is NaN.
  explicit SortedScores(ScoreSet scores);

  std::span<const double> targets() const { return scores_.targets; }
  std::span<const double> non_targets() const { return scores_.non_targets; }
  // Neither side is empty: without that no error rate is defined.
  bool has_both_sides() const;
  // DataError that names the missing side.
  void require_both_sides() const;

 private:
  ScoreSet scores_;
};

// What a decision "same speaker if score > threshold" does at one threshold.
struct OperatingPoint {
  double threshold = 0;
  std::int64_t misses = 0;        // targets <= threshold
  std::int64_t false_alarms = 0;  // non-targets > threshold
};

// One point per distinct decision, in ascending order of threshold: first -inf as "accept all" (no
// misses, every non-target a false alarm), then every distinct score. The thresholds between two
// scores decide as the lower one does. (With a score of -inf two points have that threshold: the
// first accepts it, the second does not.)
std::vector<OperatingPoint> operating_points(const SortedScores& scores);

}  // namespace balr
