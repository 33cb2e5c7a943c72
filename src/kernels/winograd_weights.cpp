#include "kernels/winograd_weights.hpp"

#include <array>
#include <span>

namespace balr::detail {
namespace {

// The finite points, as in winograd_forms-inl.hpp.
constexpr double kPoints[] = {0, 0.75, -0.75, 1.5, -1.5};
constexpr double kWidePoints[] = {0.375, -0.375, 0.875, -0.875, 2, -2};
static_assert(std::size(kPoints) == kWinogradRowsIn - 1);

using Three = std::array<double, 3>;

// 3 numbers for each of the points and for infinity.
template <std::size_t kCount>
std::array<Three, kCount + 1> weight_rows(const double (&points)[kCount]) {
  std::array<Three, kCount + 1> rows{};
  for (std::size_t i = 0; i < kCount; ++i) {
    const double p = points[i];
    double scale = 1;
    for (const double other : points)
      if (other != p) scale *= p - other;
    rows[i] = {1 / scale, p / scale, p * p / scale};
  }
  rows[kCount] = {0, 0, 1};
  return rows;
}

template <class Rows, class Cols>
void transform(const double* kernel, const Rows& rows, const Cols& cols, double* out) {
  for (const Three& row : rows) {
    double line[3];
    for (int x = 0; x < 3; ++x)
      line[x] = row[0] * kernel[x] + row[1] * kernel[3 + x] + row[2] * kernel[6 + x];
    for (const Three& col : cols) *out++ = line[0] * col[0] + line[1] * col[1] + line[2] * col[2];
  }
}

}  // namespace

void transform_weights(const double* kernel, bool wide, double* out) {
  static const auto rows = weight_rows(kPoints);
  static const auto wide_cols = weight_rows(kWidePoints);
  wide ? transform(kernel, rows, wide_cols, out) : transform(kernel, rows, rows, out);
}

}  // namespace balr::detail
