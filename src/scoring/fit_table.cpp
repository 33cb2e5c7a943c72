#include <cmath>

#include "balr/core/error.hpp"
#include "scoring/fit_parts.hpp"

namespace balr {
namespace {

struct AttributeShares {
  double typicality = 0;  // share of pairs of speakers who both show the attribute
  double dropout = 0;     // how often a speaker who shows it does not
};

AttributeShares shares_of(const SpeakerCounts& counts, std::int64_t attribute) {
  double showing = 0, sum = 0;
  for (std::int64_t s = 0; s < counts.size(); ++s) {
    const double active = counts.active_of(s, attribute);
    if (active > 0) ++showing;
    sum += active / counts.recordings[static_cast<std::size_t>(s)];
  }
  const auto speakers = static_cast<double>(counts.size());
  return {showing * (showing - 1) / (speakers * (speakers - 1)), 1 - sum / std::max(showing, 1.0)};
}

// Likelihood ratios by (enrolment, test): both active, both not, one of them.
struct Ratios {
  double both = 1, none = 1, one = 1;
};

Ratios dna_ratios(double t, double out, double in) {
  const double appears = in / (in * t + 1 - in), vanishes = out / t;
  return {.both = 1 / (t * (t * in + 1 - out)),
          .none = 1 / (t * ((1 - in) + out)),
          .one = (appears + vanishes) / 2};
}

Ratios speech_ratios(double t, double out, double in) {
  const double dt = in * t;
  const double q = (1 - in) * dt + out * (1 - out);
  return {.both = (1 + dt * dt) / (t * (2 * dt * (1 - out) + dt * dt + (1 - out) * (1 - out))),
          .none = (1 + out * out) / (t * (2 * out * (1 - in) + (1 - in) * (1 - in) + out * out)),
          .one = q / (t * (1 + dt * out + q))};
}

}  // namespace

void fit_table(const SpeakerCounts& counts, const FitSettings& settings, Fit& fit) {
  const std::int64_t n = counts.attributes;
  const auto size = static_cast<std::size_t>(n);
  ScorerBuffer typicality{"typicality", {n}, std::vector<double>(size), false};
  ScorerBuffer dropout{"dropout", {n}, std::vector<double>(size), false};
  ScorerBuffer llrs{"llrs", {2, n, 2}, std::vector<double>(4 * size), false};
  for (std::size_t a = 0; a < size; ++a) {
    const AttributeShares shares = shares_of(counts, static_cast<std::int64_t>(a));
    typicality.values[a] = shares.typicality;
    dropout.values[a] = shares.dropout;
    if (shares.typicality == 0 || shares.typicality < settings.typicality_threshold) continue;
    const Ratios ratios = (settings.kind == ScorerKind::kDna ? dna_ratios : speech_ratios)(
        shares.typicality, shares.dropout, settings.drop_in);
    const auto set = [&](std::size_t e, std::size_t t, double ratio) {
      const double llr = std::log(ratio);
      if (!std::isfinite(llr))
        throw DataError("scorer.drop_in makes a likelihood ratio of attribute " +
                        std::to_string(a) +
                        " zero or infinite; give one between 0 and 1, both "
                        "excluded");
      llrs.values[(e * size + a) * 2 + t] = llr;
    };
    set(0, 0, ratios.both);
    set(1, 1, ratios.none);
    set(0, 1, ratios.one);
    set(1, 0, ratios.one);
  }
  fit.buffers = {std::move(typicality), std::move(dropout), std::move(llrs)};
}

}  // namespace balr
