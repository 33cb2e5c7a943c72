#pragma once
#include <cmath>
#include <cstdint>

#include "balr/core/error.hpp"
#include "balr/core/rng.hpp"
#include "balr/evaluation/score_set.hpp"

namespace balr::test {

// Scores on a grid of `steps` values, so that ties within and between the sides are common.
inline ScoreSet grid_scores(Philox& random, std::uint64_t steps, int most = 30) {
  ScoreSet set;
  const auto targets = 1 + random.below(static_cast<std::uint64_t>(most) / 2);
  const auto others = 1 + random.below(static_cast<std::uint64_t>(most));
  const auto draw = [&](std::uint64_t shift) {
    return static_cast<double>(random.below(steps) + shift) / static_cast<double>(steps) * 6 - 3;
  };
  for (std::uint64_t i = 0; i < targets; ++i) set.targets.push_back(draw(steps / 5));
  for (std::uint64_t i = 0; i < others; ++i) set.non_targets.push_back(draw(0));
  return set;
}

// Log-LRs of two normal distributions of variance 2 m around m and -m are calibrated: ln of the
// ratio of their densities at x is x.
inline ScoreSet calibrated_scores(Philox& random, int targets, int others, double m = 2) {
  const auto normal = [&] {
    const double u = 1 - random.uniform(), v = random.uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
  };
  ScoreSet set;
  for (int i = 0; i < targets; ++i) set.targets.push_back(m + std::sqrt(2 * m) * normal());
  for (int i = 0; i < others; ++i) set.non_targets.push_back(-m + std::sqrt(2 * m) * normal());
  return set;
}

// Exit code of the Error that the call throws; -1 without one.
template <class F>
int code_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
  return -1;
}

}  // namespace balr::test
