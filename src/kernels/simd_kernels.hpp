#pragma once
#include <cstdint>

#include "balr/kernels/path.hpp"
#include "balr/kernels/product.hpp"
#include "kernels/packed_convolution.hpp"

// What is compiled once for each instruction set.
namespace balr::detail {

// The scalars of one step of Adam, rounded to float32 where torch rounds them.
struct AdamScalars {
  float lerp_weight, beta2, square_weight, root_correction, eps, step_size;
};

struct SimdKernels {
  // A whole product on the calling thread. a.cols == b.rows and no dimension is empty.
  void (*product)(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                  const float* bias);
  void (*adam)(float* param, const float* grad, float* m, float* v, std::int64_t n,
               const AdamScalars& scalars);
  std::int64_t convolution_panel;  // output channels that are packed side by side
  // first < last, and the shapes fit.
  void (*direct)(const ConvolutionCall& call);
  void (*winograd)(const ConvolutionCall& call);
};
using SerialProduct = decltype(SimdKernels::product);
using SerialAdam = decltype(SimdKernels::adam);

// Null where this program or this processor does not have that instruction set, and for kPlain.
const SimdKernels* simd_kernels(Path path);

// *kernels, or std::invalid_argument if there are none.
const SimdKernels& require(const SimdKernels* kernels, Path path);

}  // namespace balr::detail
