#include "balr/kernels/product.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kernels/simd_kernels.hpp"

namespace balr {
namespace {

// What the other paths are compared with, and all that processors other than x86 have. Slow.
void plain_product(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                   const float* bias) {
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < b.cols; ++j) {
      float sum = 0.0f;
      for (std::int64_t k = 0; k < a.cols; ++k)
        sum = std::fma(a.data[i * a.row_stride + k * a.col_stride],
                       b.data[k * b.row_stride + j * b.col_stride], sum);
      c[i * ldc + j] = bias ? sum + bias[j] : sum;
    }
}

// How c is cut for threads: rows x cols pieces. Where it is cut changes no byte.
struct Grid {
  std::int64_t rows = 1, cols = 1;
};

Grid grid_for(std::int64_t rows, std::int64_t cols, std::int64_t depth, const Threads& threads) {
  constexpr double kWorthAThread =
      1 << 18;  // multiply-adds: some microseconds, as long as waking it up
  const double work =
      static_cast<double>(rows) * static_cast<double>(cols) * static_cast<double>(depth);
  const auto most = std::min<std::int64_t>(threads.run ? std::max(threads.count, 1) : 1,
                                           static_cast<std::int64_t>(work / kWorthAThread));
  Grid best;
  double best_cost = INFINITY;
  for (std::int64_t r = 1; r <= std::min(most, rows); ++r) {
    const std::int64_t c = std::clamp<std::int64_t>(most / r, 1, (cols + 31) / 32);
    // The largest piece: its products, and packing its operands (some 20 products an element).
    const double high = std::ceil(static_cast<double>(rows) / static_cast<double>(r));
    const double wide = std::ceil(static_cast<double>(cols) / static_cast<double>(c * 32)) * 32;
    const double cost = high * wide + 20 * (high + wide);
    if (cost < best_cost) {
      best_cost = cost;
      best = {r, c};
    }
  }
  return best;
}

void product_piece(detail::SerialProduct run, const ConstMatrix& a, const ConstMatrix& b, float* c,
                   std::int64_t ldc, const float* bias, const Grid& grid, std::int64_t piece) {
  const std::int64_t i = piece / grid.cols, j = piece % grid.cols, strips = (b.cols + 31) / 32;
  const std::int64_t row = a.rows * i / grid.rows, row_end = a.rows * (i + 1) / grid.rows;
  const std::int64_t col = strips * j / grid.cols * 32;
  const std::int64_t col_end = std::min(strips * (j + 1) / grid.cols * 32, b.cols);
  if (row == row_end || col == col_end) return;
  const ConstMatrix rows = {a.data + row * a.row_stride, row_end - row, a.cols, a.row_stride,
                            a.col_stride};
  const ConstMatrix cols = {b.data + col * b.col_stride, b.rows, col_end - col, b.row_stride,
                            b.col_stride};
  run(rows, cols, c + row * ldc + col, ldc, bias ? bias + col : nullptr);
}

detail::SerialProduct serial_product(Path path) {
  return path == Path::kPlain ? plain_product
                              : detail::require(detail::simd_kernels(path), path).product;
}

void product_with(detail::SerialProduct run, const ConstMatrix& a, const ConstMatrix& b, float* c,
                  std::int64_t ldc, const ProductOptions& options) {
  if (a.cols != b.rows || ldc < b.cols)
    throw std::invalid_argument("product: the shapes of a, b and c do not fit");
  if (a.rows <= 0 || b.cols <= 0) return;
  if (a.cols == 0) return plain_product(a, b, c, ldc, options.bias);
  const Grid grid = grid_for(a.rows, b.cols, a.cols, options.threads);
  const std::int64_t pieces = grid.rows * grid.cols;
  if (pieces == 1) return run(a, b, c, ldc, options.bias);
  options.threads.run(pieces, [&](std::int64_t piece) {
    product_piece(run, a, b, c, ldc, options.bias, grid, piece);
  });
}

}  // namespace

void product(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
             const ProductOptions& options) {
  static const detail::SerialProduct run = serial_product(active_path());
  product_with(run, a, b, c, ldc, options);
}

void product_on(Path path, const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                const ProductOptions& options) {
  product_with(serial_product(path), a, b, c, ldc, options);
}

}  // namespace balr
