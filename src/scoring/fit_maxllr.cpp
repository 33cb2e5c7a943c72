#include <algorithm>
#include <cmath>

#include "balr/core/error.hpp"
#include "scoring/fit_parts.hpp"
#include "scoring/mixture.hpp"

namespace balr {
namespace {

struct Parameters {
  double f = 0, p = 0, q = 0;
};

// What one step of expectation-maximisation on one attribute gives, and the log-likelihood of the
// parameters it began with.
struct Step {
  Parameters next;
  double log_likelihood = 0;
};

Step step(const SpeakerCounts& counts, std::int64_t attribute, const Parameters& now) {
  const Mixture mixture(now.f, now.p, now.q);
  Step out{now, 0};
  double first = 0, first_active = 0, first_all = 0, second_active = 0, second_all = 0;
  for (std::int64_t s = 0; s < counts.size(); ++s) {
    const std::int64_t all = counts.recordings[static_cast<std::size_t>(s)];
    const std::int64_t active = counts.active_of(s, attribute);
    const double a = mixture.log_first(active, all - active);
    const double b = mixture.log_second(active, all - active);
    const double both = Mixture::log_add(a, b);
    // The speaker's share in each class; each from its own exponent, so that neither rounds to 0
    // because the other is near 1.
    const double r = std::exp(a - both), rest = std::exp(b - both);
    out.log_likelihood += both;
    first += r;
    first_active += static_cast<double>(active) * r;
    first_all += static_cast<double>(all) * r;
    second_active += static_cast<double>(active) * rest;
    second_all += static_cast<double>(all) * rest;
  }
  out.next.f = first / static_cast<double>(counts.size());
  // A class that nobody is in keeps its probability.
  if (first_all > 0) out.next.p = std::min(first_active / first_all, 1.0);
  if (second_all > 0) out.next.q = std::min(second_active / second_all, 1.0);
  return out;
}

// Where p is 1 and q is 0, recordings of one speaker could never differ, and a pair that does would
// weigh without limit, which no amount of data shows.
void keep_apart(Parameters& now, double margin) {
  if (now.p > 1 - margin && now.q < margin) now = {now.f, 1 - margin, margin};
  if (now.q > 1 - margin && now.p < margin) now = {now.f, margin, 1 - margin};
}

}  // namespace

void fit_maxllr(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run,
                Fit& fit) {
  if (settings.iterations < 1) throw DataError("scorer=maxllr needs scorer.n_iterations above 0");
  const std::int64_t n = counts.attributes;
  const auto size = static_cast<std::size_t>(n);
  const double unseen = unseen_probability(counts);
  std::vector<double> f(size), p(size), q(size);
  std::vector<Progression> progress(size);
  run(n, [&](std::int64_t a) {
    const auto at = static_cast<std::size_t>(a);
    Parameters now{settings.f, settings.p, settings.q};
    if (std::ranges::binary_search(fit.report.constant_attributes, a)) {
      now.p = now.q = counts.active_of(0, a) == 0 ? unseen : 1 - unseen;
    } else {
      for (std::int64_t i = 0; i < settings.iterations; ++i) {
        const Step done = step(counts, a, now);
        progress[at].before = done.log_likelihood;
        now = done.next;
      }
      progress[at].after = step(counts, a, now).log_likelihood;
      keep_apart(now, unseen);
    }
    f[at] = now.f;
    p[at] = now.p;
    q[at] = now.q;
  });
  report_progress(progress, fit.report);
  fit.buffers = {{"f", {n}, std::move(f), true},
                 {"p", {n}, std::move(p), true},
                 {"q", {n}, std::move(q), true}};
}

}  // namespace balr
