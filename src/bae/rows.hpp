#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "balr/core/error.hpp"
#include "balr/kernels/product.hpp"

// CPU tensors as plain numbers.
namespace balr {

// A float32 matrix whose columns lie next to each other.
struct Rows {
  float* data;
  std::int64_t rows, cols, stride;
  float* operator[](std::int64_t row) const { return data + row * stride; }
};

inline Rows rows_of(const at::Tensor& t) {
  BALR_CHECK(t.dim() == 2 && t.scalar_type() == at::kFloat && t.is_cpu());
  BALR_CHECK(t.size(1) <= 1 || t.stride(1) == 1);
  return {static_cast<float*>(t.data_ptr()), t.size(0), t.size(1), t.stride(0)};
}

inline ConstMatrix matrix_of(const at::Tensor& t) {
  BALR_CHECK(t.dim() == 2 && t.scalar_type() == at::kFloat && t.is_cpu());
  return {static_cast<const float*>(t.data_ptr()), t.size(0), t.size(1), t.stride(0), t.stride(1)};
}

inline float* floats_of(const at::Tensor& t) {
  BALR_CHECK(t.scalar_type() == at::kFloat && t.is_cpu() && t.is_contiguous());
  return static_cast<float*>(t.data_ptr());
}

inline double* doubles_of(const at::Tensor& t) {
  BALR_CHECK(t.scalar_type() == at::kDouble && t.is_cpu() &&
             (t.dim() < 1 || t.stride(-1) == 1 || t.size(-1) == 1));
  return static_cast<double*>(t.data_ptr());
}

}  // namespace balr
