#pragma once
#include <string>

#include "balr/core/config.hpp"

namespace balr {

// What the configuration of binarize and score must hold whatever the data are. `command` is named
// in the error. Throw ConfigError.
void check_encoder(const Config& config, const std::string& command);
void check_scorer(const Config& config, const std::string& command);
// A scorer that is fitted needs the file of its fit.
void check_checkpoint(const Config& config, const std::string& command);

}  // namespace balr
