// Batch-norm of the canonical operations.
#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "bae/canonical_ops.hpp"
#include "bae/element_wise.hpp"
#include "bae/rows.hpp"

namespace balr {

namespace ew = element_wise;

namespace {
constexpr double kEps = 1e-5;
constexpr float kMomentum = 0.1f;

float inverse_deviation_of(float variance) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(variance) + kEps));
}
}  // namespace

void CanonicalOps::moments(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& partials) {
  const Rows v = rows_of(x);
  double* sums = doubles_of(partials);
  for_blocks(v.rows, plan.block_rows,
             [&, stride = partials.stride(0)](auto block, auto begin, auto end) {
               double* of_block = sums + block * stride;
               std::fill(of_block, of_block + 2 * v.cols, 0.0);
               for (std::int64_t i = begin; i < end; ++i)
                 ew::add_moments(v[i], of_block, of_block + v.cols, v.cols);
             });
}

BatchStatistics CanonicalOps::statistics(const at::Tensor& totals, std::int64_t batch) {
  const std::int64_t n = totals.size(0) / 2;
  const double* sums = doubles_of(totals);
  BatchStatistics of{at::empty({n}, at::kFloat), at::empty({n}, at::kFloat),
                     at::empty({n}, at::kFloat)};
  float *mean = floats_of(of.mean), *variance = floats_of(of.variance),
        *inverse = floats_of(of.inverse_deviation);
  for (std::int64_t j = 0; j < n; ++j) {
    const double m = sums[j] / static_cast<double>(batch);
    const double v = sums[n + j] / static_cast<double>(batch) - m * m;
    mean[j] = static_cast<float>(m);
    variance[j] = static_cast<float>(v < 0.0 ? 0.0 : v);  // rounding; a NaN stays
    inverse[j] = inverse_deviation_of(variance[j]);
  }
  return of;
}

at::Tensor CanonicalOps::inverse_deviation(const at::Tensor& variance) {
  at::Tensor out = at::empty_like(variance);
  const float* v = floats_of(variance);
  float* inverse = floats_of(out);
  for (std::int64_t j = 0; j < variance.numel(); ++j) inverse[j] = inverse_deviation_of(v[j]);
  return out;
}

void CanonicalOps::normalize(const at::Tensor& x, const BatchStatistics& of,
                             const at::Tensor& gamma, const at::Tensor& beta,
                             const at::Tensor& out) {
  const Rows v = rows_of(x), o = rows_of(out);
  const float *mean = floats_of(of.mean), *inverse = floats_of(of.inverse_deviation);
  const float *g = floats_of(gamma), *b = floats_of(beta);
  for_rows(v.rows, [&](std::int64_t i) { ew::normalize(v[i], mean, inverse, g, b, o[i], v.cols); });
}

void CanonicalOps::normalize_sums(const at::Tensor& grad, const at::Tensor& x,
                                  const at::Tensor& mean, const BatchPlan& plan,
                                  const at::Tensor& partials) {
  const Rows g = rows_of(grad), v = rows_of(x);
  const float* m = floats_of(mean);
  double* sums = doubles_of(partials);
  for_blocks(v.rows, plan.block_rows,
             [&, stride = partials.stride(0)](auto block, auto begin, auto end) {
               double* of_block = sums + block * stride;
               std::fill(of_block, of_block + 2 * v.cols, 0.0);
               for (std::int64_t i = begin; i < end; ++i)
                 ew::add_normalize_sums(g[i], v[i], m, of_block, of_block + v.cols, v.cols);
             });
}

void CanonicalOps::normalize_backward(const at::Tensor& grad, const at::Tensor& x,
                                      const BatchStatistics& of, const at::Tensor& gamma,
                                      const at::Tensor& totals, std::int64_t batch,
                                      const at::Tensor& out) {
  const Rows g = rows_of(grad), v = rows_of(x), o = rows_of(out);
  const float *inverse = floats_of(of.inverse_deviation), *w = floats_of(gamma);
  const double* sums = doubles_of(totals);
  std::vector<float> offset, slope, scale;
  for (std::int64_t j = 0; j < v.cols; ++j) {
    const double s = inverse[j], n = static_cast<double>(batch);
    offset.push_back(static_cast<float>(sums[j] / n));
    slope.push_back(static_cast<float>(sums[v.cols + j] * s * s / n));
    scale.push_back(inverse[j] * w[j]);
  }
  const ew::NormalizeBackward vectors{floats_of(of.mean), offset.data(), slope.data(),
                                      scale.data()};
  for_rows(v.rows,
           [&](std::int64_t i) { ew::normalize_backward(g[i], v[i], vectors, o[i], v.cols); });
}

void CanonicalOps::normalize_parameter_grads(const at::Tensor& totals, const BatchStatistics& of,
                                             const at::Tensor& grad_gamma,
                                             const at::Tensor& grad_beta) {
  const std::int64_t n = totals.size(0) / 2;
  const double* sums = doubles_of(totals);
  const float* inverse = floats_of(of.inverse_deviation);
  float *gamma = floats_of(grad_gamma), *beta = floats_of(grad_beta);
  for (std::int64_t j = 0; j < n; ++j) {
    gamma[j] = static_cast<float>(sums[n + j] * static_cast<double>(inverse[j]));
    beta[j] = static_cast<float>(sums[j]);
  }
}

void CanonicalOps::update_running(const BatchStatistics& of, std::int64_t batch,
                                  const at::Tensor& allowed, const at::Tensor& running_mean,
                                  const at::Tensor& running_var,
                                  const at::Tensor& batches_tracked) {
  if (!allowed.item<bool>()) return;
  const float *mean = floats_of(of.mean), *variance = floats_of(of.variance);
  float *m = floats_of(running_mean), *v = floats_of(running_var);
  const double unbiased = static_cast<double>(batch) / static_cast<double>(batch - 1);
  for (std::int64_t j = 0; j < of.mean.numel(); ++j) {
    m[j] = (1.0f - kMomentum) * m[j] + kMomentum * mean[j];
    v[j] = (1.0f - kMomentum) * v[j] + kMomentum * static_cast<float>(variance[j] * unbiased);
  }
  ++*static_cast<std::int64_t*>(batches_tracked.data_ptr());
}

}  // namespace balr
