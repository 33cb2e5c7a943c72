#pragma once
#include "balr/core/config.hpp"
#include "balr/score/score_trials.hpp"
#include "balr/score/train_scorer.hpp"

namespace balr {

// The keys below scorer, as the pipelines take them.
ScorerChoice scorer_choice(const Config& config);
FitSettings fit_settings(const Config& config);
// scorer.n_attributes, if the user set it: the default is a guess.
std::optional<std::int64_t> expected_attributes(const Config& config);

}  // namespace balr
