#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace balr {

// Statistics pooling (TSTP) of x [B, C, F, T]: mean and sqrt(unbiased variance + 1e-7) over the first lengths[b] columns,
// each flattened channel first: float32 [B, 2 C F].
at::Tensor pool_statistics(const at::Tensor& x, std::span<const std::int64_t> lengths);

// [B, 1, 1, T] of x's type and device: 1 before lengths[b], 0 from there on.
at::Tensor time_mask(const at::Tensor& x, std::span<const std::int64_t> lengths);

}  // namespace balr
