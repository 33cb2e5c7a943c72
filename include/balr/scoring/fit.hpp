#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "balr/scoring/scorer.hpp"
#include "balr/scoring/speaker_counts.hpp"

namespace balr {

struct FitSettings {
  ScorerKind kind = ScorerKind::kBeta;
  std::int64_t iterations = 100;       // of beta and maxllr
  double eps = 1e-8;                   // beta
  double drop_in = 0.12;               // dna, speech
  double typicality_threshold = 1e-4;  // dna, speech: below it an attribute says nothing
  double f = 0.5, p = 0.9, q = 0.1;    // start of maxllr
};

struct FitReport {
  // Natural logarithm of the likelihood of the counts at the end (without binomial coefficients),
  // and how much of its size the last iteration added. Of beta and maxllr with iterations.
  std::optional<double> log_likelihood, last_relative_gain;
  // Attributes that no recording, or every recording, of the data has active: nothing can be
  // learned about them.
  std::vector<std::int64_t> constant_attributes;
};

struct Fit {
  std::vector<ScorerBuffer> buffers;
  FitReport report;
};

// Calls job(0), ..., job(count - 1), in any order, on any thread: ThreadPool::runner().
using RunJobs = std::function<void(std::int64_t, const std::function<void(std::int64_t)>&)>;

// Fits a scorer in float64, attribute by attribute; the same bytes for the same counts, however
// `run` divides the work. Speakers without recordings do not count.
//
// Constant attributes: beta gets alpha = 1 for the value never seen and 2 N + 1 (at most 1000) for
// the other, N recordings: the mean is Jeffreys' (1/2) / (N + 1), and two recordings that both show
// the unseen value weigh at most a factor of 2. maxllr gets p = q = that mean: they say nothing, as
// they do in dna and speech. In maxllr, where a pair that differs in an attribute would weigh
// without limit (p and 1 - q both within (1/2) / (N + 1) of 1), both are drawn to that distance.
//
// Throws DataError: fewer than two speakers, a fit that is not finite, and, with what to do about
// it, drop_in = 0 where that makes a ratio 0.
Fit fit_scorer(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run = {});

// Throws DataError if the last iteration still added more than this share of the log-likelihood.
constexpr double kConvergedGain = 1e-5;
void require_converged(const FitReport& report, const FitSettings& settings);

}  // namespace balr
