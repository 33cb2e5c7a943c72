#include <ATen/ATen.h>

#include <algorithm>

#include "bae/device_ops.hpp"
#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"

namespace balr {
namespace {

constexpr std::int64_t kBits = 32;  // of the codes in a number

// 1, 2, 4, ... as int32; the last is negative.
at::Tensor powers_of_two(const at::Tensor& like) {
  const auto ints = like.options().dtype(at::kInt);
  return at::bitwise_left_shift(at::ones({}, ints), at::arange(kBits, ints));
}

}  // namespace

BatchPlan CanonicalDeviceOps::plan(std::int64_t rows, std::int64_t block_rows) const {
  BALR_CHECK(block_rows % kBlockRows == 0);
  return plan_of_blocks(rows, block_rows, rank_, size_);
}

// Weight gradients are cut by output features: the same on every rank as well.
void CanonicalDeviceOps::product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                                 const at::Tensor& out) {
  for (std::int64_t begin = 0; begin < out.size(0); begin += kBlockRows) {
    const std::int64_t rows = std::min(kBlockRows, out.size(0) - begin);
    DeviceOps::product(a.narrow(0, begin, rows), b, bias, out.narrow(0, begin, rows));
  }
}

at::Tensor CanonicalDeviceOps::total(const at::Tensor& partials, const BatchPlan& plan,
                                     const char* what) {
  const at::Tensor all =
      size_ > 1 ? collective_->all_gather(partials.contiguous(), plan.blocks_of_rank, what)
                : partials.contiguous();
  return all.sum(0);
}

at::Tensor CanonicalDeviceOps::gather(const at::Tensor& rows, const BatchPlan& plan,
                                      const char* what) {
  return everywhere(rows, plan, what);
}

void CanonicalDeviceOps::pack_codes(const at::Tensor& codes, const at::Tensor& out) {
  const std::int64_t rows = codes.size(0), words = out.size(1);
  const at::Tensor bits =
      at::constant_pad_nd(codes.to(at::kInt), {0, words * kBits - codes.size(1)})
          .view({rows, words, kBits});
  out.view(at::kInt).copy_((bits * powers_of_two(codes)).sum(2, false, at::kInt));
}

void CanonicalDeviceOps::unpack_codes(const at::Tensor& bits, const at::Tensor& out) {
  const at::Tensor set = bits.view(at::kInt).unsqueeze(2).bitwise_and(powers_of_two(bits)).ne(0);
  out.copy_(set.view({bits.size(0), bits.size(1) * kBits}).narrow(1, 0, out.size(1)));
}

void CanonicalDeviceOps::normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                                                 const at::Tensor& inverse_norms, bool divide) {
  for (std::int64_t begin = 0; begin < grad.size(0); begin += kBlockRows) {
    const auto block = [&](const at::Tensor& t) {
      return t.narrow(0, begin, std::min(kBlockRows, grad.size(0) - begin));
    };
    DeviceOps::normalize_rows_backward(block(grad), block(x), block(inverse_norms), divide);
  }
}

std::unique_ptr<StepOps> make_canonical_device_ops(Collective* collective) {
  return std::make_unique<CanonicalDeviceOps>(collective);
}

}  // namespace balr
