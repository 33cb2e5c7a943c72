#include "kernels/winograd_weights.hpp"

#include <stdexcept>

namespace balr::detail {
namespace {

// The finite points of the forms.
std::vector<double> finite_points(int outputs) {
  if (outputs == 4) return {0, 0.75, -0.75, 1.5, -1.5};
  throw std::invalid_argument("there is no Winograd form for this many outputs");
}

}  // namespace

std::vector<double> winograd_weight_rows(int outputs) {
  const std::vector<double> points = finite_points(outputs);
  std::vector<double> rows;
  for (const double p : points) {
    double scale = 1;
    for (const double other : points)
      if (other != p) scale *= p - other;
    rows.insert(rows.end(), {1 / scale, p / scale, p * p / scale});
  }
  rows.insert(rows.end(), {0, 0, 1});  // infinity
  return rows;
}

void transform_weights(std::span<const double> rows, std::span<const double> cols, const double* kernel, double* out) {
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    double line[3];
    for (int x = 0; x < 3; ++x) line[x] = rows[i] * kernel[x] + rows[i + 1] * kernel[3 + x] + rows[i + 2] * kernel[6 + x];
    for (std::size_t j = 0; j < cols.size(); j += 3)
      *out++ = line[0] * cols[j] + line[1] * cols[j + 1] + line[2] * cols[j + 2];
  }
}

WinogradTile choose_tile(std::int64_t) { return {4, 4}; }

}  // namespace balr::detail
