// ArcFace, sparsity and normalised rows of the canonical operations.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bae/canonical_ops.hpp"
#include "bae/element_wise.hpp"
#include "bae/rows.hpp"

namespace balr {

namespace ew = element_wise;

at::Tensor CanonicalOps::inverse_row_norms(const at::Tensor& x) {
  const at::Tensor out = at::empty({x.size(0)}, at::kFloat);
  for_rows(x.size(0), [v = rows_of(x), o = floats_of(out)](std::int64_t i) {
    const double length = std::sqrt(ew::dot(v[i], v[i], v.cols));
    const double inverse = 1 / length;
    o[i] = inverse > ew::kLargestInverseNorm ? ew::kLargestInverseNorm
                                             : static_cast<float>(inverse);  // a NaN stays
  });
  return out;
}

void CanonicalOps::scale_rows(const at::Tensor& x, const at::Tensor& factors) {
  for_rows(x.size(0), [v = rows_of(x), f = floats_of(factors)](std::int64_t i) {
    ew::scale(v[i], f[i], v.cols);
  });
}

void CanonicalOps::add(const at::Tensor& x, const at::Tensor& to) {
  for_rows(x.size(0),
           [v = rows_of(x), o = rows_of(to)](std::int64_t i) { ew::add_to(v[i], o[i], v.cols); });
}

void CanonicalOps::normalize_rows_backward(const at::Tensor& grad, const at::Tensor& x,
                                           const at::Tensor& inverse_norms, bool divide) {
  const float* inverses = floats_of(inverse_norms);
  for_rows(x.size(0), [&, g = rows_of(grad), v = rows_of(x)](std::int64_t i) {
    const double inverse = inverses[i];
    const auto along = static_cast<float>(ew::dot(g[i], v[i], v.cols) * inverse * inverse);
    ew::project(g[i], v[i], along, divide ? inverses[i] : 1.0f, v.cols);
  });
}

void CanonicalOps::arcface(const ArcFaceRows& in, double factor, const BatchPlan& plan,
                           const at::Tensor& partials) {
  const Rows v = rows_of(in.products);
  const float *inverses = floats_of(in.code_inverse_norms), *weights = floats_of(in.row_weights),
              *of_class = floats_of(in.class_inverse_norms);
  const std::int64_t* classes = in.classes.const_data_ptr<std::int64_t>();
  double* out = doubles_of(partials);
  const ew::ArcFace layer{in.scale, in.margin.cosine, in.margin.sine,
                          in.margin.radians * in.margin.sine};
  std::vector<double> of_row(static_cast<std::size_t>(v.rows));
  for_rows(v.rows, [&](std::int64_t i) {
    BALR_CHECK(classes[i] >= 0 && classes[i] < v.cols);
    of_row[static_cast<std::size_t>(i)] =
        static_cast<double>(weights[i]) *
        ew::arcface_row(layer, v[i], inverses[i], of_class, classes[i], factor != 0.0,
                        factor * static_cast<double>(weights[i]), v.cols);
  });
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    double sum = 0;
    const std::int64_t begin = block * plan.block_rows;
    for (std::int64_t i = begin; i < std::min(begin + plan.block_rows, v.rows); ++i)
      sum += of_row[static_cast<std::size_t>(i)];
    out[block * partials.stride(0)] = sum;
  }
}

void CanonicalOps::group_excess(const at::Tensor& z, const BatchLabels& labels,
                                std::int64_t group_rows, const at::Tensor& targets, double factor,
                                const BatchPlan& plan, const at::Tensor& partials,
                                const at::Tensor& grad) {
  const Rows all = rows_of(z);
  const Rows mine = grad.defined() ? rows_of(grad) : Rows{nullptr, 0, 0, 0};
  const std::int64_t groups = plan.batch / group_rows;
  const std::int64_t* order = labels.order.const_data_ptr<std::int64_t>();
  std::vector<double> values(static_cast<std::size_t>(groups));
  for_rows(groups, [&](std::int64_t g) {
    const std::int64_t* rows = order + g * group_rows;
    bool concerns = false;
    for (std::int64_t i = 0; i < group_rows; ++i)
      concerns |= rows[i] >= plan.rows.begin && rows[i] < plan.rows.end;
    if (!concerns) return;
    std::vector<double> sums(static_cast<std::size_t>(all.cols));
    for (std::int64_t i = 0; i < group_rows; ++i) ew::add(all[rows[i]], sums.data(), all.cols);
    std::vector<float> slope(static_cast<std::size_t>(all.cols));
    values[static_cast<std::size_t>(g)] =
        ew::excess(sums.data(), doubles_of(targets), 2 * factor, slope.data(), all.cols);
    if (!mine.data) return;
    for (std::int64_t i = 0; i < group_rows; ++i)
      if (rows[i] >= plan.rows.begin && rows[i] < plan.rows.end)
        std::copy(slope.begin(), slope.end(), mine[rows[i] - plan.rows.begin]);
  });
  double* out = doubles_of(partials);
  for (std::int64_t block = 0; block < plan.blocks; ++block)
    out[block * partials.stride(0)] = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = order[g * group_rows] - plan.rows.begin;
    if (first >= 0 && first < plan.rows.size())
      out[first / plan.block_rows * partials.stride(0)] += values[static_cast<std::size_t>(g)];
  }
}

}  // namespace balr
