#pragma once
#include <string>

#include "balr/core/config.hpp"

namespace balr {

// What the configuration of binarize and score must hold whatever the data are. `command` is named
// in the error. Throw ConfigError.
void check_encoder(const Config& config, const std::string& command);
void check_scorer(const Config& config, const std::string& command);

}  // namespace balr
