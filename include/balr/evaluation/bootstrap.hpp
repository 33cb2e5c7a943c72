#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "balr/evaluation/metrics.hpp"

// How far the figures would move with other speakers.
namespace balr {

struct SpeakerTrial {
  double score = 0;
  std::uint32_t enrollment_speaker = 0, test_speaker = 0;  // any numbers; equal: a target
};

struct BootstrapOptions {
  int replicates = 1000;
  double level = 0.95;
  std::uint64_t seed = 0;
  int threads = 1;
};

struct ConfidenceInterval {
  std::string name;  // EER, CLLR, CLLR_min, minDCF_0.01, minDCF_0.001
  double low = 0, high = 0;
};

struct BootstrapResult {
  std::vector<ConfidenceInterval> intervals;
  std::int64_t speakers = 0;
  int replicates = 0;  // those with trials of both kinds; the others are left out
};

// Percentile intervals (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13)
// over speakers, not trials: a speaker's trials rise and fall together, so intervals over trials
// would be far too narrow.
//
// The scheme is the vertex bootstrap (Snijders and Borgatti, "Non-parametric standard errors and
// tests for network statistics", Connections 22, 1999): speakers are the vertices, trials the
// pairs. A replicate draws as many speakers as there are, with replacement, once for both sides. If
// speaker a was drawn w(a) times, a different-speaker trial of a and b counts w(a) w(b) times, a
// same-speaker trial of a w(a) times. Pairs of two copies of one speaker are neither kind and are
// left out (Snijders and Borgatti fill them in at random; speaker sets are large enough without).
//
// Ends are order statistics, rounded outwards. The same bytes for any number of threads: replicate
// r draws from (seed, r) alone. DataError where a side is empty, a score is NaN, or no replicate
// has both kinds.
BootstrapResult bootstrap_intervals(std::vector<SpeakerTrial> trials,
                                    const BootstrapOptions& options);

}  // namespace balr
