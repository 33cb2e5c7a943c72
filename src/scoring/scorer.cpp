#include "balr/scoring/scorer.hpp"

#include <algorithm>
#include <numeric>

#include "balr/core/error.hpp"
#include "scoring/additive_scorer.hpp"
#include "scoring/buffers.hpp"

namespace balr {
namespace {

std::vector<std::string> buffer_names(ScorerKind kind) {
  switch (kind) {
    case ScorerKind::kBeta:
      return {"alpha"};
    case ScorerKind::kDna:
    case ScorerKind::kSpeech:
      return {"typicality", "dropout", "llrs"};
    case ScorerKind::kMaxLlr:
      return {"f", "p", "q"};
    case ScorerKind::kCosine:
      return {};
  }
  return {};
}

}  // namespace

std::string scorer_name(ScorerKind kind) {
  switch (kind) {
    case ScorerKind::kBeta:
      return "beta";
    case ScorerKind::kDna:
      return "dna";
    case ScorerKind::kSpeech:
      return "speech";
    case ScorerKind::kMaxLlr:
      return "maxllr";
    case ScorerKind::kCosine:
      return "cosine";
  }
  return "";
}

bool Scorer::single_recording_only() const {
  return kind_ == ScorerKind::kDna || kind_ == ScorerKind::kSpeech;
}

void Scorer::check_sides(const TrialSide& enrollment, const TrialSide& test) const {
  for (const TrialSide* side : {&enrollment, &test}) {
    BALR_CHECK(static_cast<std::int64_t>(side->active.size()) == attributes_);
    BALR_CHECK(side->recordings >= 1 && (side->recordings == 1 || !single_recording_only()));
  }
}

double Scorer::score(const TrialSide& enrollment, const TrialSide& test) const {
  std::vector<double> terms(static_cast<std::size_t>(attributes_));
  contributions(enrollment, test, terms);
  return std::accumulate(terms.begin(), terms.end(), 0.0);
}

std::unique_ptr<Scorer> make_scorer(ScorerKind kind, std::span<const ScorerBuffer> buffers) {
  BALR_CHECK(kind != ScorerKind::kCosine);
  const std::vector<std::string> names = buffer_names(kind);
  for (const ScorerBuffer& buffer : buffers)
    if (std::ranges::find(names, buffer.name) == names.end())
      throw DataError("'" + buffer.name + "' is no part of a " + scorer_name(kind) +
                      " scorer; give the scorer= that the file was fitted with");
  if (kind == ScorerKind::kBeta) return make_beta_scorer(buffers);
  if (kind == ScorerKind::kMaxLlr) return make_maxllr_scorer(buffers);
  return make_table_scorer(kind, buffers);
}

}  // namespace balr
