#include "bae/device_ops.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"

namespace balr {
namespace {

constexpr double kEps = 1e-5, kMomentum = 0.1;
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kAdamEps = 1e-8;
constexpr double kLargestGradient = 1e18;  // see canonical_update.cpp

// `to` = `value` where allowed; the device decides, nobody waits.
void assign_if(const at::Tensor& allowed, const at::Tensor& to, const at::Tensor& value) {
  at::Tensor out = to;
  at::where_out(out, allowed, value, to);
}

}  // namespace

// In float64, into `out` [blocks, columns] or, of all that is in a row, [blocks].
void DeviceOps::sum_blocks(const at::Tensor& values, const BatchPlan& plan,
                           const at::Tensor& out) {
  for (std::int64_t block = 0; block < out.size(0); ++block) {
    const std::int64_t begin = block * plan.block_rows;
    const at::Tensor rows = values.narrow(
        0, begin, std::min(plan.block_rows, values.size(0) - begin));
    at::Tensor sum = out.select(0, block);
    if (sum.dim() == 1)
      at::sum_out(sum, rows, at::IntArrayRef{0}, false, at::kDouble);
    else
      sum.copy_(rows.sum(at::kDouble));
  }
}

DeviceOps::DeviceOps(Collective* collective)
    : collective_(collective),
      rank_(collective ? collective->rank() : 0),
      size_(collective ? collective->size() : 1) {}

BatchPlan DeviceOps::plan(std::int64_t batch) const {
  BatchPlan plan{
      .batch = batch, .block_rows = batch, .rows = slice(batch, rank_, size_), .blocks = 1};
  for (int rank = 0; rank < size_; ++rank) {
    plan.rows_of_rank.push_back(slice(batch, rank, size_).size());
    plan.blocks_of_rank.push_back(1);
  }
  return plan;
}

BatchPlan DeviceOps::plan(std::int64_t rows, std::int64_t block_rows) const {
  BatchPlan plan{.batch = rows, .block_rows = block_rows, .rows = slice(rows, rank_, size_)};
  for (int rank = 0; rank < size_; ++rank) {
    plan.rows_of_rank.push_back(slice(rows, rank, size_).size());
    plan.blocks_of_rank.push_back((plan.rows_of_rank.back() + block_rows - 1) / block_rows);
  }
  plan.blocks = plan.blocks_of_rank[static_cast<std::size_t>(rank_)];
  return plan;
}

void DeviceOps::product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                        const at::Tensor& out) {
  at::Tensor to = out;
  if (bias.defined())
    at::addmm_out(to, bias, a, b);
  else
    at::mm_out(to, a, b);
}

void DeviceOps::relu(const at::Tensor& x) { x.clamp_min_(0.0); }
void DeviceOps::tanh(const at::Tensor& x) { x.tanh_(); }
void DeviceOps::codes(const at::Tensor& z, const at::Tensor& out) { out.copy_(z.gt(0.0)); }

void DeviceOps::tanh_backward(const at::Tensor& grad, const at::Tensor& y) {
  at::Tensor to = grad;
  at::tanh_backward_out(to, grad, y);
}

void DeviceOps::straight_through(const at::Tensor& grad_codes, const at::Tensor& grad_z,
                                 const at::Tensor& z, const at::Tensor& out) {
  at::Tensor to = out, grad = grad_codes.clamp(-1.0, 1.0);
  if (grad_z.defined()) grad.add_(grad_z);
  at::tanh_backward_out(to, grad, z);
}

void DeviceOps::difference(const at::Tensor& a, const at::Tensor& b, double factor,
                           const at::Tensor& out) {
  at::Tensor to = out;
  at::sub_out(to, a, b);
  to.mul_(factor);
}

void DeviceOps::moments(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& partials) {
  const std::int64_t n = x.size(1);
  sum_blocks(x, plan, partials.narrow(1, 0, n));
  sum_blocks(x.square(), plan, partials.narrow(1, n, n));
}

BatchStatistics DeviceOps::statistics(const at::Tensor& totals, std::int64_t batch) {
  const std::int64_t n = totals.size(0) / 2;
  const at::Tensor averages = totals / static_cast<double>(batch);
  const at::Tensor mean = averages.narrow(0, 0, n);
  const at::Tensor variance =
      (averages.narrow(0, n, n) - mean.square()).clamp_min_(0.0).to(at::kFloat);
  return {mean.to(at::kFloat), variance, inverse_deviation(variance)};
}

at::Tensor DeviceOps::inverse_deviation(const at::Tensor& variance) {
  return (variance + kEps).rsqrt_();
}

void DeviceOps::normalize(const at::Tensor& x, const BatchStatistics& of, const at::Tensor& gamma,
                          const at::Tensor& beta, const at::Tensor& out) {
  at::Tensor to = out;
  at::sub_out(to, x, of.mean);
  to.mul_(of.inverse_deviation * gamma).add_(beta);
}

void DeviceOps::normalize_sums(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                               const BatchPlan& plan, const at::Tensor& partials) {
  const std::int64_t n = x.size(1);
  sum_blocks(grad, plan, partials.narrow(1, 0, n));
  sum_blocks((x - mean).mul_(grad), plan, partials.narrow(1, n, n));
}

void DeviceOps::normalize_backward(const at::Tensor& grad, const at::Tensor& x,
                                   const BatchStatistics& of, const at::Tensor& gamma,
                                   const at::Tensor& totals, std::int64_t batch,
                                   const at::Tensor& out) {
  const std::int64_t n = totals.size(0) / 2;
  const at::Tensor averages = (totals / static_cast<double>(batch)).to(at::kFloat);
  const at::Tensor slope = averages.narrow(0, n, n) * of.inverse_deviation.square();
  at::Tensor to = out;
  at::sub_out(to, grad, averages.narrow(0, 0, n));
  to.sub_((x - of.mean).mul_(slope)).mul_(of.inverse_deviation * gamma);
  to.masked_fill_(x.le(0.0), 0.0);
}

void DeviceOps::normalize_parameter_grads(const at::Tensor& totals, const BatchStatistics& of,
                                          const at::Tensor& grad_gamma,
                                          const at::Tensor& grad_beta) {
  const std::int64_t n = totals.size(0) / 2;
  grad_gamma.copy_(totals.narrow(0, n, n) * of.inverse_deviation);
  grad_beta.copy_(totals.narrow(0, 0, n));
}

void DeviceOps::update_running(const BatchStatistics& of, std::int64_t batch,
                               const at::Tensor& allowed, const at::Tensor& running_mean,
                               const at::Tensor& running_var, const at::Tensor& batches_tracked) {
  const double unbiased = static_cast<double>(batch) / static_cast<double>(batch - 1);
  assign_if(allowed, running_mean, at::lerp(running_mean, of.mean, kMomentum));
  assign_if(allowed, running_var, at::lerp(running_var, of.variance * unbiased, kMomentum));
  batches_tracked.add_(allowed);
}

void DeviceOps::square_difference(const at::Tensor& a, const at::Tensor& b, const BatchPlan& plan,
                                  const at::Tensor& partials) {
  sum_blocks((a - b).square_(), plan, partials.select(1, 0));
}

at::Tensor DeviceOps::total(const at::Tensor& partials, const BatchPlan&, const char* what) {
  at::Tensor sum = partials.sum(0);
  if (size_ > 1) collective_->all_reduce_sum(sum, what);
  return sum;
}

void DeviceOps::pack_codes(const at::Tensor&, const at::Tensor&) {
  BALR_CHECK(!"codes are not gathered");
}
void DeviceOps::unpack_codes(const at::Tensor&, const at::Tensor&) {
  BALR_CHECK(!"codes are not gathered");
}

void DeviceOps::column_sums(const at::Tensor& x, const BatchPlan&, const at::Tensor& out) {
  at::Tensor to = out;
  at::sum_out(to, x, at::IntArrayRef{0});
}

at::Tensor DeviceOps::square_sums(const at::Tensor& x) {
  return x.square().sum(at::IntArrayRef{1}, false, at::kDouble);
}

// Every rank holds all gradients.
at::Tensor DeviceOps::root_of_features(std::span<const at::Tensor> parts,
                                      std::span<const std::int64_t>, const char*) {
  return at::cat(std::vector<at::Tensor>(parts.begin(), parts.end())).sum().sqrt();
}

void DeviceOps::reduce_gradients(const at::Tensor& flat) {
  at::Tensor gradients = flat;
  if (size_ > 1) collective_->all_reduce_sum(gradients, "gradients");
}

at::Tensor DeviceOps::update_allowed(const at::Tensor& flat, std::span<const Range>,
                                     const at::Tensor& loss) {
  return at::linalg_vector_norm(flat, std::numeric_limits<double>::infinity())
      .le(kLargestGradient)
      .logical_and(loss.isfinite());
}

void DeviceOps::finish(const char* what) {
  if (size_ > 1) collective_->finish(what);
}

void DeviceOps::adam(std::span<const AdamPart> parts, const at::Tensor& step,
                     const at::Tensor& learning_rate, const at::Tensor& allowed) {
  step.add_(allowed);
  const at::Tensor step32 = step.to(at::kFloat);
  std::vector<at::Tensor> parameters, gradients, first, second, steps;
  for (const AdamPart& part : parts) {
    parameters.push_back(part.parameters);
    gradients.push_back(part.gradients);
    first.push_back(part.exp_avg);
    second.push_back(part.exp_avg_sq);
    steps.push_back(step32);
  }
  // One kernel that looks at the rate and the flag on the device (CUDA's wants float32).
  const at::Tensor rate = learning_rate.is_cpu() ? learning_rate : learning_rate.to(at::kFloat);
  at::_fused_adam_(parameters, gradients, first, second, {}, steps, rate, kBeta1, kBeta2,
                   /*weight_decay=*/0.0, kAdamEps, /*amsgrad=*/false, /*maximize=*/false,
                   /*grad_scale=*/std::nullopt, /*found_inf=*/allowed.logical_not().to(at::kFloat));
}

std::unique_ptr<StepOps> make_device_ops(Collective* collective) {
  return std::make_unique<DeviceOps>(collective);
}

}  // namespace balr
