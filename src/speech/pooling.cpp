#include "speech/pooling.hpp"

#include <ATen/ATen.h>

namespace balr {
namespace {

constexpr double kVarianceFloor = 1e-7;

at::Tensor join(const at::Tensor& mean, const at::Tensor& variance) {
  return at::cat({mean.flatten(1), (variance + kVarianceFloor).sqrt().flatten(1)}, 1);
}

}  // namespace

at::Tensor statistics_pooling(const at::Tensor& x) {
  return join(x.mean(-1), x.var(at::IntArrayRef{-1}, /*unbiased=*/true));
}

at::Tensor statistics_pooling(const at::Tensor& x, const std::vector<std::int64_t>& lengths) {
  const at::Tensor count = at::tensor(lengths, at::kLong).to(x.options()).view({-1, 1, 1});
  const at::Tensor mean = x.sum(-1) / count;
  const at::Tensor mask = (at::arange(x.size(3), x.options()) < count.unsqueeze(-1)).to(x.options());
  const at::Tensor centred = (x - mean.unsqueeze(-1)) * mask;
  return join(mean, centred.square().sum(-1) / (count - 1));
}

}  // namespace balr
