#include "bae/step_buffers.hpp"

#include <ATen/ATen.h>

#include <utility>

namespace balr {

std::int64_t StepRecord::width(const AutoencoderShape& shape) {
  return 5 * shape.internal_dim + shape.input_dim + StepOps::bit_columns(shape.internal_dim);
}

StepRecord::StepRecord(at::Tensor all, const AutoencoderShape& shape) : rows(std::move(all)) {
  std::int64_t at = 0;
  const auto next = [&](std::int64_t cols) {
    return rows.narrow(1, std::exchange(at, at + cols), cols);
  };
  grad_encoder0 = next(shape.internal_dim);
  grad_encoder3 = next(shape.internal_dim);
  grad_decoder0 = next(shape.internal_dim);
  grad_decoder2 = next(shape.input_dim);
  normalized = next(shape.internal_dim);
  decoded = next(shape.internal_dim);
  code_bits = next(StepOps::bit_columns(shape.internal_dim));
}

StepBuffers::StepBuffers(const AutoencoderShape& shape, std::int64_t losses, BatchPlan of_batch,
                         const at::TensorOptions& floats)
    : plan(std::move(of_batch)) {
  const std::int64_t rows = plan.rows.size(), h = shape.internal_dim, d = shape.input_dim;
  const auto matrix = [&](std::int64_t count, std::int64_t cols) {
    return at::empty({count, cols}, floats);
  };
  record = StepRecord(matrix(rows, StepRecord::width(shape)), shape);
  activations = {matrix(rows, h), record.normalized, matrix(rows, h),
                 matrix(rows, h), record.decoded,    matrix(rows, d)};
  grad_hidden = matrix(rows, h);
  grad_codes = matrix(rows, h);
  grad_z = matrix(rows, h);
  moments = at::empty({plan.blocks, 2 * h}, floats.dtype(at::kDouble));
  sums = at::empty({plan.blocks, losses + 2 * h}, floats.dtype(at::kDouble));
}

}  // namespace balr
