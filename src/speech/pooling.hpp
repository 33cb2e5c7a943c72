#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace balr {

// TSTP: mean and sqrt(unbiased variance + 1e-7) over time, each flattened channel-major then frequency, mean first.
// x: [B, C, F, T] -> [B, 2 * C * F].
at::Tensor statistics_pooling(const at::Tensor& x);

// The same over the first lengths[b] columns; x must be zero behind them.
at::Tensor statistics_pooling(const at::Tensor& x, const std::vector<std::int64_t>& lengths);

}  // namespace balr
