#pragma once
#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "balr/bae/loss.hpp"

// One loss on given activations, as the training step calls it.
namespace balr::test {

inline BatchLabels labels_of(const std::vector<std::int64_t>& classes) {
  const auto n = static_cast<std::int64_t>(classes.size());
  BatchLabels out{at::tensor(classes, at::kLong), at::arange(n, at::kLong), 0};
  std::int64_t* order = out.order.data_ptr<std::int64_t>();
  std::stable_sort(order, order + n, [&](auto a, auto b) {
    return classes[static_cast<std::size_t>(a)] < classes[static_cast<std::size_t>(b)];
  });
  for (const std::int64_t c : classes)
    out.largest = std::max<std::int64_t>(out.largest, std::count(classes.begin(), classes.end(), c));
  return out;
}

struct LossOutcome {
  double value = 0;
  at::Tensor grad_codes, grad_z, grad_head;  // of all ranks' rows and features; undefined: none
  at::Tensor counts;
};

// On one process or, with several ranks, the gathered results.
inline LossOutcome compute_loss(const Loss& loss, StepOps& ops, const at::Tensor& codes,
                                const at::Tensor& z, const std::vector<std::int64_t>& classes,
                                const at::Tensor& head) {
  const BatchPlan plan = ops.plan(codes.size(0));
  const BatchLabels labels = labels_of(classes);
  const auto own = [&](const at::Tensor& t) {
    return t.narrow(0, plan.rows.begin, plan.rows.size()).contiguous();
  };
  const at::Tensor mine = own(codes), mine_z = own(z);
  const CodePairs pairs = ops.code_pairs(mine, plan);
  const LossInput input{plan, {}, {}, mine, mine_z, &labels, &pairs, head, loss.constants()};
  LossGradients gradients;
  gradients.unit_codes.value = at::full_like(mine, NAN);
  gradients.z.value = at::full_like(mine, NAN);
  if (head.defined()) gradients.head = at::zeros_like(head);
  const at::Tensor partials = at::zeros({plan.blocks, loss.columns()}, at::kDouble);
  loss.compute(input, ops, partials, &gradients);
  LossOutcome out;
  out.value = loss.value(ops.total(partials, plan, "test"), plan.batch, 1).item<double>();
  if (gradients.unit_codes.written) {
    ops.normalize_rows_backward(gradients.unit_codes.value, mine, own(pairs.inverse_norms), true);
    out.grad_codes = ops.everywhere(gradients.unit_codes.value, plan, "test");
  }
  if (gradients.z.written) out.grad_z = ops.everywhere(gradients.z.value, plan, "test");
  if (head.defined()) {
    ops.reduce_gradients(gradients.head);
    out.grad_head = gradients.head;
  }
  // Without gradients the value is the same.
  const at::Tensor again = at::zeros_like(partials);
  loss.compute(input, ops, again, nullptr);
  if (!at::equal(again, partials)) out.value = NAN;
  return out;
}

}  // namespace balr::test
