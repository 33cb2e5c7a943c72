#include "balr/kernels/product.hpp"

#include <cmath>
#include <stdexcept>

namespace balr {
namespace {

void product_plain(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
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

}  // namespace

const char* path_name(Path path) {
  switch (path) {
    case Path::kPlain: return "plain";
    case Path::kAvx2: return "avx2";
    case Path::kAvx512: return "avx512";
  }
  return "?";
}

std::vector<Path> supported_paths() { return {Path::kPlain}; }

Path active_path() { return Path::kPlain; }

void product_on(Path, const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                const ProductOptions& options) {
  if (a.cols != b.rows) throw std::invalid_argument("product: a.cols and b.rows differ");
  product_plain(a, b, c, ldc, options.bias);
}

void product(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
             const ProductOptions& options) {
  product_on(active_path(), a, b, c, ldc, options);
}

}  // namespace balr
