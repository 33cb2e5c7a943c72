#pragma once
#include <cmath>
#include <cstdint>

namespace balr {

// maxllr's model of one attribute: a share f of the speakers shows it with probability p in each
// recording, the others with q. All in the log domain: p^700 is no double.
class Mixture {
 public:
  Mixture(double f, double p, double q)
      : log_f_(std::log(f)),
        log_rest_(std::log1p(-f)),
        log_p_(std::log(p)),
        log_not_p_(std::log1p(-p)),
        log_q_(std::log(q)),
        log_not_q_(std::log1p(-q)) {}

  // ln f p^active (1 - p)^inactive, and the same of the others.
  double log_first(std::int64_t active, std::int64_t inactive) const {
    return log_f_ + times(active, log_p_) + times(inactive, log_not_p_);
  }
  double log_second(std::int64_t active, std::int64_t inactive) const {
    return log_rest_ + times(active, log_q_) + times(inactive, log_not_q_);
  }
  // ln of the sum of both.
  double log_likelihood(std::int64_t active, std::int64_t inactive) const {
    return log_add(log_first(active, inactive), log_second(active, inactive));
  }

  static double log_add(double a, double b) {
    const double high = a > b ? a : b, low = a > b ? b : a;
    return std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
  }

 private:
  static double times(std::int64_t count, double log) {  // 0 times -inf is 0 here
    return count == 0 ? 0 : static_cast<double>(count) * log;
  }

  double log_f_, log_rest_, log_p_, log_not_p_, log_q_, log_not_q_;
};

}  // namespace balr
