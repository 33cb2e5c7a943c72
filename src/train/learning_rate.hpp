#pragma once
#include <cstdint>

#include "balr/train/train_settings.hpp"

namespace balr {

// The learning rate of a step, counted from 0 over the whole run: a function of its arguments, the
// same on every processor. During the warm-up it rises in equal parts to the rate; then
//   constant: it stays;
//   cosine:   it falls along half a cosine, to final_share of the rate at the end of the run;
//   step:     every step_epochs epochs (from the start) it becomes step_factor of what it was.
double learning_rate_at(const RateSettings& settings, std::int64_t step,
                        std::int64_t steps_per_epoch, std::int64_t epochs);

}  // namespace balr
