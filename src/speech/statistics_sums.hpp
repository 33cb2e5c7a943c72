#pragma once
#include <cstdint>
#include <vector>

namespace balr {

// Statistics pooling over time (TSTP), row by row: sums and sums of squares in double, one chain
// each, so that neither the processor nor the way in which rows arrive changes a byte.
class StatisticsSums {
 public:
  explicit StatisticsSums(std::size_t width) : sums_(width, 0.0), squares_(width, 0.0) {}

  void add(const float* row);
  // width means, then width deviations sqrt(unbiased variance + 1e-7); NaN deviations after one
  // row.
  std::vector<float> finish() const;

 private:
  std::vector<double> sums_, squares_;
  std::int64_t count_ = 0;
};

}  // namespace balr
