#pragma once
#include <vector>

#include "balr/train/train_settings.hpp"
#include "train/event_file.hpp"

namespace balr {

// What changes a run's result, under the configuration's names.
std::vector<HyperParameter> hyper_parameters(const TrainSettings& settings);

}  // namespace balr
