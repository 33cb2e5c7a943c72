#include <algorithm>
#include <cmath>

#include "scoring/fit_parts.hpp"

namespace balr {
namespace {

constexpr double kLargestConstantAlpha = 1000;  // lgamma of more has no digits in float32

struct Moments {
  double mean[2] = {};  // over the speakers, of the share of active and of inactive recordings
  double variance = 0;  // unbiased; of both the same
};

Moments moments_of(const SpeakerCounts& counts, std::int64_t attribute, double eps) {
  Moments m;
  const auto speakers = static_cast<double>(counts.size());
  const auto share = [&](std::int64_t s, int k) {
    const double all = counts.recordings[static_cast<std::size_t>(s)];
    const double active = counts.active_of(s, attribute);
    return (k == 0 ? active : all - active) / (all + eps);
  };
  for (int k = 0; k < 2; ++k)
    for (std::int64_t s = 0; s < counts.size(); ++s) m.mean[k] += share(s, k) / speakers;
  for (std::int64_t s = 0; s < counts.size(); ++s) {
    const double difference = share(s, 0) - m.mean[0];
    m.variance += difference * difference / (speakers - 1);
  }
  return m;
}

// How much the speakers agree, common to all attributes: the geometric mean of the sizes of alpha
// that the moments ask for. Attributes whose variance is larger than any alpha allows have no say.
double common_size(const std::vector<Moments>& moments, double eps) {
  double sum = 0;
  std::int64_t count = 0;
  for (const Moments& m : moments)
    for (const double mean : m.mean) {
      const double size = (mean * (1 - mean) + 2 * eps) / (m.variance + eps) - 1;
      if (!(size > 0)) continue;
      sum += std::log(size);
      ++count;
    }
  return count == 0 ? 1 : std::exp(sum / static_cast<double>(count));
}

// Number of speakers whose count is above j, for j = 0, 1, ...
std::vector<double> speakers_above(const std::vector<std::int32_t>& counts) {
  std::vector<double> above(static_cast<std::size_t>(*std::ranges::max_element(counts)));
  for (const std::int32_t count : counts)
    if (count > 0) above[static_cast<std::size_t>(count - 1)] += 1;
  for (std::size_t j = above.size(); j-- > 1;) above[j - 1] += above[j];
  return above;
}

// sum over speakers of psi(count + x) - psi(x), and of lgamma(count + x) - lgamma(x): sums over j
// of 1 / (x + j) and ln(x + j), which every speaker with more than j shares (Minka, "Estimating a
// Dirichlet distribution", 2000).
double sum_of_psi(const std::vector<double>& above, double x) {
  double sum = 0;
  for (std::size_t j = 0; j < above.size(); ++j) sum += above[j] / (x + static_cast<double>(j));
  return sum;
}
double sum_of_log_gamma(const std::vector<double>& above, double x) {
  double sum = 0;
  for (std::size_t j = 0; j < above.size(); ++j)
    sum += above[j] * std::log(x + static_cast<double>(j));
  return sum;
}

// One attribute's counts, and Minka's fixed-point iteration on its alpha.
class AttributeFit {
 public:
  AttributeFit(const SpeakerCounts& counts, std::int64_t attribute,
               const std::vector<double>& all_above)
      : all_(all_above) {
    std::vector<std::int32_t> on, off;
    for (std::int64_t s = 0; s < counts.size(); ++s) {
      on.push_back(counts.active_of(s, attribute));
      off.push_back(counts.recordings[static_cast<std::size_t>(s)] - on.back());
    }
    on_ = speakers_above(on);
    off_ = speakers_above(off);
  }
  void step(double* alpha) const {
    const double all = sum_of_psi(all_, alpha[0] + alpha[1]);
    alpha[0] *= sum_of_psi(on_, alpha[0]) / all;
    alpha[1] *= sum_of_psi(off_, alpha[1]) / all;
  }
  double log_likelihood(const double* alpha) const {
    return sum_of_log_gamma(on_, alpha[0]) + sum_of_log_gamma(off_, alpha[1]) -
           sum_of_log_gamma(all_, alpha[0] + alpha[1]);
  }

 private:
  const std::vector<double>& all_;
  std::vector<double> on_, off_;
};

void set_constant(const SpeakerCounts& counts, std::int64_t attribute, double* alpha) {
  const double common = std::min(1 / unseen_probability(counts) - 1, kLargestConstantAlpha);
  const bool never = counts.active_of(0, attribute) == 0;
  alpha[0] = never ? 1 : common;
  alpha[1] = never ? common : 1;
}

}  // namespace

void fit_beta(const SpeakerCounts& counts, const FitSettings& settings, const RunJobs& run,
              Fit& fit) {
  const auto n = static_cast<std::size_t>(counts.attributes);
  std::vector<Moments> moments(n);
  run(counts.attributes, [&](std::int64_t a) {
    moments[static_cast<std::size_t>(a)] = moments_of(counts, a, settings.eps);
  });
  const double size = common_size(moments, settings.eps);
  const std::vector<double> all_above = speakers_above(counts.recordings);

  ScorerBuffer alpha{"alpha", {counts.attributes, 2}, std::vector<double>(2 * n), false};
  std::vector<Progression> progress(n);
  run(counts.attributes, [&](std::int64_t a) {
    const auto at = static_cast<std::size_t>(a);
    double* mine = &alpha.values[2 * at];
    if (std::ranges::binary_search(fit.report.constant_attributes, a))
      return set_constant(counts, a, mine);
    for (int k = 0; k < 2; ++k) mine[k] = moments[at].mean[k] * size + settings.eps;
    if (settings.iterations == 0) return;
    const AttributeFit attribute(counts, a, all_above);
    for (std::int64_t i = 1; i < settings.iterations; ++i) attribute.step(mine);
    progress[at].before = attribute.log_likelihood(mine);
    attribute.step(mine);
    progress[at].after = attribute.log_likelihood(mine);
  });
  report_progress(progress, fit.report);
  fit.buffers = {std::move(alpha)};
}

}  // namespace balr
