#include "app/commands/score_checks.hpp"

#include "balr/core/error.hpp"

namespace balr {
namespace {

void require_positive(const Config& config, const std::string& key) {
  if (config.integer(key) < 1) throw ConfigError(key + " must be at least 1");
}

void require_range(const Config& config, const std::string& key, double least, double most) {
  const double value = config.real(key);
  if (!(value >= least && value <= most))
    throw ConfigError(key + " must be between " + std::to_string(static_cast<int>(least)) +
                      " and " + std::to_string(static_cast<int>(most)));
}

}  // namespace

void check_encoder(const Config& config, const std::string& command) {
  if (!config.has("encoder.model"))
    throw ConfigError(command + " needs encoder.model; leave out ~encoder.model");
  require_positive(config, "encoder.model.input_dim");
  require_positive(config, "encoder.model.internal_dim");
  if (config.text("encoder.model.checkpoint_path").empty())
    throw ConfigError("encoder.model.checkpoint_path is empty; give the .pt of a training");
}

void check_scorer(const Config& config, const std::string& command) {
  if (!config.has("scorer"))
    throw ConfigError(
        command +
        " needs a scorer; give scorer=beta, dna, speech, maxllr, cosine or embedding_cosine");
  require_positive(config, "scorer.n_attributes");
  if (config.integer("scorer.n_iterations") < 0)
    throw ConfigError("scorer.n_iterations must be at least 0");
  if (config.has("scorer.maxllr") && config.integer("scorer.n_iterations") < 1)
    throw ConfigError("scorer.n_iterations must be at least 1: scorer=maxllr has no fit without");
  for (const char* key :
       {"scorer.drop_in", "scorer.typicality_threshold", "scorer.f", "scorer.p", "scorer.q"})
    if (config.has(key)) require_range(config, key, 0, 1);
  if (config.has("scorer.p") && config.real("scorer.p") < config.real("scorer.q"))
    throw ConfigError("scorer.p must be at least scorer.q");
  if (config.has("scorer.K") && config.integer("scorer.K") != 2)
    throw ConfigError("scorer.K must be 2: an attribute is on or off");
  if (config.has("scorer.eps") && !(config.real("scorer.eps") > 0))
    throw ConfigError("scorer.eps must be greater than 0");
}

void check_checkpoint(const Config& config, const std::string& command) {
  if (config.has("scorer.cosine") || config.has("scorer.embedding_cosine")) return;
  if (!config.optional_text("scorer.checkpoint_path"))
    throw ConfigError(command +
                      " needs a fitted scorer; give scorer.checkpoint_path=FILE, which balr score "
                      "train writes, or scorer=cosine");
}

}  // namespace balr
