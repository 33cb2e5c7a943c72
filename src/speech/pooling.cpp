#include "speech/pooling.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "speech/device_queue.hpp"

namespace balr {
namespace {

constexpr double kVarianceFloor = 1e-7;

at::Tensor lengths_tensor(std::span<const std::int64_t> lengths, at::Device device) {
  return send(at::tensor(at::ArrayRef<std::int64_t>(lengths.data(), lengths.size()), at::kLong), device).view({-1, 1, 1, 1});
}

}  // namespace

at::Tensor time_mask(const at::Tensor& x, std::span<const std::int64_t> lengths) {
  const at::Tensor times = at::arange(x.size(3), x.options().dtype(at::kLong));
  return (times < lengths_tensor(lengths, x.device())).to(x.scalar_type());
}

at::Tensor pool_statistics(const at::Tensor& x, std::span<const std::int64_t> lengths) {
  const at::Tensor wide = x.to(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat).contiguous();
  const bool full = std::all_of(lengths.begin(), lengths.end(), [&](std::int64_t n) { return n == x.size(3); });
  at::Tensor mean, variance;
  if (full) {
    mean = wide.mean({3});
    variance = at::var(wide, at::OptionalIntArrayRef({3}), c10::Scalar(1));
  } else {
    const at::Tensor mask = time_mask(wide, lengths);
    const at::Tensor count = lengths_tensor(lengths, x.device()).to(wide.scalar_type());
    mean = wide.mul(mask).sum({3}, true).div_(count);
    variance = wide.sub(mean).mul_(mask).square_().sum({3}).div_(count.sub(1).view({-1, 1, 1}));
    mean = mean.squeeze(3);
  }
  return at::cat({mean.flatten(1), variance.add_(kVarianceFloor).sqrt_().flatten(1)}, 1);
}

}  // namespace balr
