#pragma once
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

namespace balr {

// Finite extent of sorted scores, and how many of them are infinite on each side.
struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  std::size_t below = 0, above = 0;  // -inf, +inf

  void add(std::span<const double> sorted) {
    for (const double s : sorted) {
      if (!std::isinf(s)) {
        low = std::min(low, s);
        break;
      }
      if (s < 0) ++below;
    }
    for (auto s = sorted.rbegin(); s != sorted.rend(); ++s) {
      if (!std::isinf(*s)) {
        high = std::max(high, *s);
        break;
      }
      if (*s > 0) ++above;
    }
  }
};

inline double to_log10(double natural_log) { return natural_log / std::numbers::ln10; }

}  // namespace balr
