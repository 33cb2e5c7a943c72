#include "balr/evaluation/score_set.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "balr/core/error.hpp"

namespace balr {
namespace {

void sort_side(std::vector<double>& scores) {
  if (std::any_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); }))
    throw DataError(
        "A score is NaN; leave out trials that have no score before they are evaluated");
  std::sort(scores.begin(), scores.end());
}

}  // namespace

SortedScores::SortedScores(ScoreSet scores) : scores_(std::move(scores)) {
  sort_side(scores_.targets);
  sort_side(scores_.non_targets);
}

bool SortedScores::has_both_sides() const {
  return !scores_.targets.empty() && !scores_.non_targets.empty();
}

void SortedScores::require_both_sides() const {
  if (has_both_sides()) return;
  const bool none = scores_.targets.empty() && scores_.non_targets.empty();
  const char* what = none                      ? "scored"
                     : scores_.targets.empty() ? "same-speaker"
                                               : "different-speaker";
  throw DataError(std::string("There is no ") + what +
                  " trial, so no error rate is defined; give trials of both kinds");
}

std::vector<OperatingPoint> operating_points(const SortedScores& scores) {
  const auto targets = scores.targets(), others = scores.non_targets();
  std::size_t t = 0, n = 0;
  std::vector<OperatingPoint> points;
  const auto add = [&](double threshold) {
    points.push_back(
        {threshold, static_cast<std::int64_t>(t), static_cast<std::int64_t>(others.size() - n)});
  };
  add(-std::numeric_limits<double>::infinity());
  while (t < targets.size() || n < others.size()) {
    const bool from_targets = n == others.size() || (t < targets.size() && targets[t] <= others[n]);
    const double threshold = from_targets ? targets[t] : others[n];
    while (t < targets.size() && targets[t] == threshold) ++t;
    while (n < others.size() && others[n] == threshold) ++n;
    add(threshold);
  }
  return points;
}

}  // namespace balr
