#pragma once
#include <cstdint>

#include "balr/kernels/path.hpp"
#include "balr/kernels/threads.hpp"

// Matrix products whose bytes do not depend on the processor, the tile, or the number of threads.
namespace balr {

// A view of float32 numbers: element (i, j) = data[i * row_stride + j * col_stride].
// A transpose is the same data with rows/cols and the strides exchanged.
struct ConstMatrix {
  const float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;

  ConstMatrix transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};

// Row-major, without gaps.
inline ConstMatrix dense(const float* data, std::int64_t rows, std::int64_t cols) {
  return {data, rows, cols, cols, 1};
}

struct ProductOptions {
  const float* bias = nullptr;  // [b.cols], added to each finished element by one plain addition
  Threads threads = {};
};

// c[i * ldc + j] = sum over k of a(i, k) * b(k, j) (+ bias[j]).
// Each element is ONE chain of fused multiply-adds, acc = fma(a(i, k), b(k, j), acc), over k
// ascending and from acc = 0. So a slice of a product is the product of the slice, byte for byte,
// whatever path, tile or number of threads computes it. With an empty inner dimension the sum is 0.
// c must not overlap a, b or bias; ldc >= b.cols. Throws std::invalid_argument if the shapes
// differ.
void product(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
             const ProductOptions& options = {});

// The same product on a chosen path, which must be supported: for tests and benchmarks.
void product_on(Path path, const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                const ProductOptions& options = {});

}  // namespace balr
