#include "speech/statistics_sums.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace balr {
namespace {

constexpr double kVarianceFloor = 1e-7;

}  // namespace

void StatisticsSums::add(const float* row) {
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const double value = row[i];
    sums_[i] += value;
    squares_[i] += value * value;
  }
  ++count_;
}

std::vector<float> StatisticsSums::finish() const {
  const std::size_t width = sums_.size();
  const auto count = static_cast<double>(count_);
  std::vector<float> out(2 * width);
  for (std::size_t i = 0; i < width; ++i) {
    // Squares of float32 are exact in double, so the difference loses nothing that float32 could
    // show; but it may be slightly negative. NaN stays.
    const double sum = squares_[i] - sums_[i] * sums_[i] / count;
    const double variance = (sum < 0 ? 0 : sum) / (count - 1);
    out[i] = static_cast<float>(sums_[i] / count);
    out[width + i] = count_ < 2 ? std::numeric_limits<float>::quiet_NaN()
                                : static_cast<float>(std::sqrt(variance + kVarianceFloor));
  }
  return out;
}

}  // namespace balr
