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

Evaluation evaluate_rows(const Autoencoder& model, const at::Tensor& x, StepOps& ops) {
  BALR_CHECK(x.size(0) >= 1);
  const BatchPlan plan = ops.plan(x.size(0), kBlockRows);
  const std::int64_t h = model.shape().internal_dim;
  // Squared errors, then how often each attribute is on.
  const at::Tensor partials = at::zeros({plan.blocks, 1 + h}, x.options().dtype(at::kDouble));
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    const std::int64_t begin = plan.rows.begin + block * kBlockRows;
    const at::Tensor rows = x.narrow(0, begin, std::min(kBlockRows, plan.rows.end - begin));
    const Activations of = forward_eval(model, rows, ops);
    const at::Tensor sums = partials.narrow(0, block, 1);
    ops.square_difference(of.recon, rows, plan, sums.narrow(1, 0, 1));
    sums[0].narrow(0, 1, h).copy_(of.codes.sum(0));  // whole numbers: exact in any order
  }
  const at::Tensor on_device = ops.total(partials, plan, "validation");
  ops.finish("validation");
  const at::Tensor total = on_device.to(at::kCPU);
  const double* sums = total.const_data_ptr<double>();
  Evaluation out{.mse = sums[0] / static_cast<double>(x.numel()), .ones = {}};
  for (std::int64_t j = 1; j <= h; ++j) out.ones.push_back(static_cast<std::int64_t>(sums[j]));
  return out;
}

AutoencoderOutput infer(const Autoencoder& model, const at::Tensor& x, const Threads& threads) {
  const auto ops = make_canonical_ops(nullptr, threads);
  const Activations result = forward_eval(model, x.contiguous(), *ops);
  return {result.recon, result.codes, result.z};
}

}  // namespace balr
