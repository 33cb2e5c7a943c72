#include "train/learning_rate.hpp"

#include <algorithm>

namespace balr {
namespace {

// cos(pi * t) for t in [0, 1]. The library's differs between processors in the last bit.
double cos_pi(double t) {
  if (t > 0.5) return -cos_pi(1 - t);
  const double x = t * 3.141592653589793, square = x * x;
  double sum = 0;
  for (int k = 24; k > 0; k -= 2) sum = (1 + sum) * -square / (k * (k - 1));
  return 1 + sum;
}

}  // namespace

double learning_rate_at(const RateSettings& s, std::int64_t step, std::int64_t steps_per_epoch,
                        std::int64_t epochs) {
  if (step < s.warmup_steps)
    return s.rate * static_cast<double>(step + 1) / static_cast<double>(s.warmup_steps);
  switch (s.schedule) {
    case Schedule::kConstant: break;
    case Schedule::kCosine: {
      const std::int64_t left = std::max<std::int64_t>(1, steps_per_epoch * epochs - s.warmup_steps);
      const double done = std::min(
          1.0, static_cast<double>(step - s.warmup_steps) / static_cast<double>(left));
      return s.rate * (s.final_share + (1 - s.final_share) * 0.5 * (1 + cos_pi(done)));
    }
    case Schedule::kStep: {
      double rate = s.rate;
      for (std::int64_t i = step / steps_per_epoch / s.step_epochs; i > 0; --i)
        rate *= s.step_factor;
      return rate;
    }
  }
  return s.rate;
}

}  // namespace balr
