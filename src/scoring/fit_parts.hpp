#pragma once
#include "balr/scoring/fit.hpp"

// The fits, of counts in which every speaker has recordings; fit.report.constant_attributes is set.
namespace balr {

void fit_beta(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run,
              Fit& fit);
void fit_table(const SpeakerCounts& counts, const FitSettings& settings, Fit& fit);
void fit_maxllr(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run,
                Fit& fit);

// Of one attribute: its log-likelihood before and after the last iteration.
struct Progression {
  double before = 0, after = 0;
};
// Sums them up in the order of the attributes.
void report_progress(const std::vector<Progression>& attributes, FitReport& report);

// Jeffreys' estimate of a probability of which N recordings show no case.
inline double unseen_probability(const SpeakerCounts& counts) {
  return 0.5 / static_cast<double>(counts.total_recordings() + 1);
}

}  // namespace balr
