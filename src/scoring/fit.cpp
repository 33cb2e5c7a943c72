#include "balr/scoring/fit.hpp"

#include <cmath>
#include <sstream>

#include "balr/core/error.hpp"
#include "scoring/fit_parts.hpp"

namespace balr {
namespace {

// Without the speakers that have no recording.
SpeakerCounts with_recordings(const SpeakerCounts& counts) {
  SpeakerCounts kept;
  kept.attributes = counts.attributes;
  const auto n = static_cast<std::ptrdiff_t>(counts.attributes);
  for (std::ptrdiff_t s = 0; s < counts.size(); ++s) {
    if (counts.recordings[static_cast<std::size_t>(s)] == 0) continue;
    kept.speakers.push_back(counts.speakers[static_cast<std::size_t>(s)]);
    kept.recordings.push_back(counts.recordings[static_cast<std::size_t>(s)]);
    kept.active.insert(kept.active.end(), counts.active.begin() + s * n,
                       counts.active.begin() + (s + 1) * n);
  }
  return kept;
}

std::vector<std::int64_t> find_constant(const SpeakerCounts& counts) {
  std::vector<std::int64_t> total(static_cast<std::size_t>(counts.attributes));
  for (std::size_t i = 0; i < counts.active.size(); ++i)
    total[i % total.size()] += counts.active[i];
  const std::int64_t all = counts.total_recordings();
  std::vector<std::int64_t> constant;
  for (std::size_t a = 0; a < total.size(); ++a)
    if (total[a] == 0 || total[a] == all) constant.push_back(static_cast<std::int64_t>(a));
  return constant;
}

}  // namespace

void report_progress(const std::vector<Progression>& attributes, FitReport& report) {
  double likelihood = 0, gain = 0;
  for (const Progression& attribute : attributes) {
    likelihood += attribute.after;
    gain += attribute.after - attribute.before;
  }
  if (likelihood == 0) return;  // all attributes are constant
  report.log_likelihood = likelihood;
  report.last_relative_gain = std::abs(gain / likelihood);
}

Fit fit_scorer(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run) {
  BALR_CHECK(settings.kind != ScorerKind::kCosine && counts.attributes >= 1);
  const SpeakerCounts used = with_recordings(counts);
  if (used.size() < 2)
    throw DataError("a scorer is fitted on the differences between speakers, and the data have " +
                    std::to_string(used.size()) + "; give data of at least 2, better hundreds");
  const RunJobs serial = [](std::int64_t count, const std::function<void(std::int64_t)>& job) {
    for (std::int64_t i = 0; i < count; ++i) job(i);
  };
  const RunJobs& runner = run ? run : serial;
  Fit fit;
  fit.report.constant_attributes = find_constant(used);
  switch (settings.kind) {
    case ScorerKind::kBeta:
      fit_beta(used, settings, runner, fit);
      break;
    case ScorerKind::kMaxLlr:
      fit_maxllr(used, settings, runner, fit);
      break;
    default:
      fit_table(used, settings, fit);
  }
  for (const ScorerBuffer& buffer : fit.buffers)
    for (std::size_t i = 0; i < buffer.values.size(); ++i)
      if (!std::isfinite(buffer.values[i]))
        throw DataError("the fit gave a '" + buffer.name + "' that is not finite (number " +
                        std::to_string(i) + "); give data of more speakers or another scorer=");
  return fit;
}

void require_converged(const FitReport& report, const FitSettings& settings) {
  if (!report.last_relative_gain || *report.last_relative_gain <= kConvergedGain) return;
  std::ostringstream gain;
  gain << *report.last_relative_gain;
  throw DataError("the fit has not converged: iteration " + std::to_string(settings.iterations) +
                  " still raised the log-likelihood by a share of " + gain.str() +
                  "; give a larger scorer.n_iterations, e.g. scorer.n_iterations=" +
                  std::to_string(10 * std::max<std::int64_t>(settings.iterations, 10)));
}

}  // namespace balr
