#include "bae/evaluate.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "bae/forward.hpp"
#include "balr/bae/train_step.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {
constexpr std::int64_t kBlockRows =
    512;  // of one partial sum, whatever the number of rows and ranks
}

double evaluate_mse(const Autoencoder& model, const at::Tensor& x, StepOps& ops) {
  BALR_CHECK(x.size(0) >= 1);
  const BatchPlan plan = ops.plan(x.size(0), kBlockRows);
  const at::Tensor partials = at::zeros({plan.blocks, 1}, x.options().dtype(at::kDouble));
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    const std::int64_t begin = plan.rows.begin + block * kBlockRows;
    const at::Tensor rows = x.narrow(0, begin, std::min(kBlockRows, plan.rows.end - begin));
    ops.square_difference(forward_eval(model, rows, ops).recon, rows, plan,
                          partials.narrow(0, block, 1));
  }
  const at::Tensor total = ops.total(partials, plan, "validation");
  return total.item<double>() / static_cast<double>(x.numel());
}

AutoencoderOutput infer(const Autoencoder& model, const at::Tensor& x, const Threads& threads) {
  const auto ops = make_canonical_ops(nullptr, threads);
  const Activations result = forward_eval(model, x.contiguous(), *ops);
  return {result.recon, result.codes, result.z};
}

}  // namespace balr
