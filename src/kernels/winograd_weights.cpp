#include "kernels/winograd_weights.hpp"

namespace balr::detail {
namespace {

constexpr double kPoints[] = {0, 0.75, -0.75, 1.5,
                              -1.5};  // the finite ones, as in winograd_forms-inl.hpp

// One row of 3 numbers for each point.
std::array<double, 3 * kWinogradInputs> weight_rows() {
  std::array<double, 3 * kWinogradInputs> rows{};
  std::size_t at = 0;
  for (const double p : kPoints) {
    double scale = 1;
    for (const double other : kPoints)
      if (other != p) scale *= p - other;
    for (const double value : {1.0, p, p * p}) rows[at++] = value / scale;
  }
  rows.back() = 1;  // infinity
  return rows;
}

}  // namespace

void transform_weights(const double* kernel, double* out) {
  static const std::array<double, 3 * kWinogradInputs> rows = weight_rows();
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    double line[3];
    for (int x = 0; x < 3; ++x)
      line[x] = rows[i] * kernel[x] + rows[i + 1] * kernel[3 + x] + rows[i + 2] * kernel[6 + x];
    for (std::size_t j = 0; j < rows.size(); j += 3)
      *out++ = line[0] * rows[j] + line[1] * rows[j + 1] + line[2] * rows[j + 2];
  }
}

}  // namespace balr::detail
