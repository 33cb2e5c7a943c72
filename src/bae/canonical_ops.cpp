#include "bae/canonical_ops.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "bae/element_wise.hpp"
#include "bae/rows.hpp"
#include "balr/dist/collective.hpp"
#include "balr/kernels/vector_math.hpp"

namespace balr {

namespace ew = element_wise;

CanonicalOps::CanonicalOps(Collective* collective, const Threads& threads)
    : collective_(collective),
      threads_(threads),
      rank_(collective ? collective->rank() : 0),
      size_(collective ? collective->size() : 1) {}

void CanonicalOps::for_rows(std::int64_t rows, const std::function<void(std::int64_t)>& job) const {
  const std::int64_t pieces =
      threads_.run ? std::clamp<std::int64_t>(threads_.count, 1, std::max<std::int64_t>(rows, 1))
                   : 1;
  const auto piece = [&](std::int64_t p) {
    const Range range = slice(rows, p, pieces);
    for (std::int64_t row = range.begin; row < range.end; ++row) job(row);
  };
  if (pieces == 1) return piece(0);
  threads_.run(pieces, piece);
}

void CanonicalOps::for_blocks(
    std::int64_t rows, std::int64_t block_rows,
    const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& job) const {
  for_rows((rows + block_rows - 1) / block_rows, [&](std::int64_t block) {
    job(block, block * block_rows, std::min((block + 1) * block_rows, rows));
  });
}

BatchPlan CanonicalOps::plan(std::int64_t batch) const { return plan(batch, block_rows(batch)); }

BatchPlan CanonicalOps::plan(std::int64_t rows, std::int64_t block_rows) const {
  return plan_of_blocks(rows, block_rows, rank_, size_);
}

Range CanonicalOps::features(std::int64_t outputs, int of_rank) const {
  return slice(outputs, of_rank, size_);
}

void CanonicalOps::product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                           const at::Tensor& out) {
  const Rows c = rows_of(out);
  BALR_CHECK(c.rows == a.size(0) && c.cols == b.size(1));
  balr::product(matrix_of(a), matrix_of(b), c.data, c.stride,
                {.bias = bias.defined() ? floats_of(bias) : nullptr, .threads = threads_});
}

void CanonicalOps::relu(const at::Tensor& x) {
  for_rows(x.size(0), [v = rows_of(x)](std::int64_t i) { ew::relu(v[i], v.cols); });
}

void CanonicalOps::tanh(const at::Tensor& x) {
  for_rows(x.size(0), [v = rows_of(x)](std::int64_t i) { ew::tanh(v[i], v.cols); });
}

void CanonicalOps::codes(const at::Tensor& z, const at::Tensor& out) {
  for_rows(z.size(0),
           [v = rows_of(z), o = rows_of(out)](std::int64_t i) { ew::codes(v[i], o[i], v.cols); });
}

void CanonicalOps::tanh_backward(const at::Tensor& grad, const at::Tensor& y) {
  for_rows(y.size(0), [g = rows_of(grad), v = rows_of(y)](std::int64_t i) {
    ew::tanh_backward(g[i], v[i], v.cols);
  });
}

void CanonicalOps::straight_through(const at::Tensor& grad_codes, const at::Tensor& grad_z,
                                    const at::Tensor& z, const at::Tensor& out) {
  const Rows g = rows_of(grad_codes), v = rows_of(z), o = rows_of(out);
  const Rows extra = grad_z.defined() ? rows_of(grad_z) : Rows{nullptr, 0, 0, 0};
  for_rows(v.rows, [&](std::int64_t i) {
    ew::straight_through(g[i], extra.data ? extra[i] : nullptr, v[i], o[i], v.cols);
  });
}

void CanonicalOps::difference(const at::Tensor& a, const at::Tensor& b, double factor,
                              const at::Tensor& out) {
  const Rows x = rows_of(a), y = rows_of(b), o = rows_of(out);
  for_rows(x.rows, [&](std::int64_t i) {
    ew::difference(x[i], y[i], static_cast<float>(factor), o[i], x.cols);
  });
}

void CanonicalOps::square_difference(const at::Tensor& a, const at::Tensor& b,
                                     const BatchPlan& plan, const at::Tensor& partials) {
  const Rows x = rows_of(a), y = rows_of(b);
  double* out = doubles_of(partials);
  for_blocks(x.rows, plan.block_rows,
             [&, stride = partials.stride(0)](auto block, auto begin, auto end) {
               double lanes[ew::kLanes] = {};
               for (std::int64_t i = begin; i < end; ++i)
                 ew::add_square_difference(x[i], y[i], lanes, x.cols);
               tree_sum(lanes, ew::kLanes, 1);
               out[block * stride] = lanes[0];
             });
}

at::Tensor CanonicalOps::total(const at::Tensor& partials, const BatchPlan& plan,
                               const char* what) {
  at::Tensor all = size_ > 1
                       ? collective_->all_gather(partials.contiguous(), plan.blocks_of_rank, what)
                       : partials.clone();
  if (all.size(0) == 0) return at::zeros({all.size(1)}, at::kDouble);
  tree_sum(doubles_of(all), all.size(0), all.size(1));
  return all.select(0, 0);
}

at::Tensor CanonicalOps::gather(const at::Tensor& rows, const BatchPlan& plan, const char* what) {
  return size_ > 1 ? collective_->all_gather(rows, plan.rows_of_rank, what) : rows;
}

void CanonicalOps::pack_codes(const at::Tensor& codes, const at::Tensor& out) {
  for_rows(codes.size(0), [v = rows_of(codes), o = rows_of(out)](std::int64_t i) {
    ew::pack_bits(v[i], o[i], v.cols);
  });
}

void CanonicalOps::unpack_codes(const at::Tensor& bits, const at::Tensor& out) {
  for_rows(bits.size(0), [v = rows_of(bits), o = rows_of(out)](std::int64_t i) {
    ew::unpack_bits(v[i], o[i], o.cols);
  });
}

void CanonicalOps::column_sums(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& out) {
  const Rows v = rows_of(x);
  if (v.cols == 0) return;
  at::Tensor partials =
      at::zeros({(v.rows + plan.block_rows - 1) / plan.block_rows, v.cols}, at::kDouble);
  double* sums = doubles_of(partials);
  for_blocks(v.rows, plan.block_rows, [&](auto block, auto begin, auto end) {
    for (std::int64_t i = begin; i < end; ++i) ew::add(v[i], sums + block * v.cols, v.cols);
  });
  tree_sum(sums, partials.size(0), v.cols);
  std::copy(sums, sums + v.cols, floats_of(out));
}

std::unique_ptr<StepOps> make_canonical_ops(Collective* collective, const Threads& threads) {
  return std::make_unique<CanonicalOps>(collective, threads);
}

}  // namespace balr
