#include "app/compute/scorer_choice.hpp"

#include "balr/core/error.hpp"

namespace balr {
namespace {

ScorerKind scorer_kind(const Config& config) {
  for (const ScorerKind kind :
       {ScorerKind::kBeta, ScorerKind::kDna, ScorerKind::kSpeech, ScorerKind::kMaxLlr})
    if (config.has("scorer." + scorer_name(kind))) return kind;
  return ScorerKind::kCosine;
}

}  // namespace

std::optional<std::int64_t> expected_attributes(const Config& config) {
  if (!config.was_set("scorer.n_attributes")) return std::nullopt;
  return config.integer("scorer.n_attributes");
}

ScorerChoice scorer_choice(const Config& config) {
  ScorerChoice choice;
  choice.kind = scorer_kind(config);
  choice.embeddings = config.has("scorer.embedding_cosine");
  choice.checkpoint = config.optional_text("scorer.checkpoint_path").value_or("");
  choice.attributes = expected_attributes(config);
  if (choice.embeddings) choice.mean = config.optional_text("scorer.mean").value_or("");
  if (config.has("scorer.cosine")) choice.eps = config.real("scorer.eps");
  return choice;
}

FitSettings fit_settings(const Config& config) {
  FitSettings settings;
  settings.kind = scorer_kind(config);
  settings.iterations = config.integer("scorer.n_iterations");
  const auto take = [&](const std::string& key, double& value) {
    if (config.has(key)) value = config.real(key);
  };
  take("scorer.eps", settings.eps);
  take("scorer.drop_in", settings.drop_in);
  take("scorer.typicality_threshold", settings.typicality_threshold);
  take("scorer.f", settings.f);
  take("scorer.p", settings.p);
  take("scorer.q", settings.q);
  return settings;
}

}  // namespace balr
