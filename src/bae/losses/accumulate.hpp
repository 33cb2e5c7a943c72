#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>

#include "balr/bae/loss.hpp"

namespace balr {

// to += a * b
inline void add_product(StepOps& ops, const at::Tensor& a, const at::Tensor& b, LossGradient& to) {
  const at::Tensor target = to.written ? at::empty_like(to.value) : to.value;
  ops.product(a, b, {}, target);
  if (to.written) ops.add(target, to.value);
  to.written = true;
}

}  // namespace balr
