#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "balr/core/rng.hpp"
#include "balr/scoring/fit.hpp"

namespace balr::test {

// Speakers with their own probability of each attribute.
inline SpeakerCounts random_counts(std::int64_t speakers, std::int64_t attributes,
                                   std::int32_t most_recordings, std::uint64_t seed) {
  Philox random(seed, 0, 0);
  std::vector<std::string> names;
  for (std::int64_t s = 0; s < speakers; ++s) names.push_back("s" + std::to_string(s));
  SpeakerCounts counts(names, attributes);
  for (std::int64_t s = 0; s < speakers; ++s) {
    const auto n =
        static_cast<std::int32_t>(1 + random.below(static_cast<std::uint64_t>(most_recordings)));
    counts.recordings[static_cast<std::size_t>(s)] = n;
    for (std::int64_t a = 0; a < attributes; ++a) {
      const double p = random.uniform();
      for (std::int32_t r = 0; r < n; ++r)
        counts.active[static_cast<std::size_t>(s * attributes + a)] += random.uniform() < p;
    }
  }
  return counts;
}

inline FitSettings settings_of(ScorerKind kind) {
  FitSettings settings;
  settings.kind = kind;
  return settings;
}

inline const ScorerBuffer& buffer(const Fit& fit, const std::string& name) {
  for (const ScorerBuffer& b : fit.buffers)
    if (b.name == name) return b;
  throw std::runtime_error("no buffer " + name);
}

constexpr ScorerKind kFitted[] = {ScorerKind::kBeta, ScorerKind::kDna, ScorerKind::kSpeech,
                                  ScorerKind::kMaxLlr};

}  // namespace balr::test
