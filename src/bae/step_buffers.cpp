#include "bae/step_buffers.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "bae/large_floats.hpp"

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

StepBuffers::StepBuffers(const AutoencoderShape& shape, std::int64_t loss_columns,
                         BatchPlan of_batch, bool gathers, const at::TensorOptions& floats)
    : plan(std::move(of_batch)) {
  const std::int64_t rows = plan.rows.size(), h = shape.internal_dim, d = shape.input_dim;
  const std::int64_t of_record = gathers ? FloatCutter::room(rows * StepRecord::width(shape))
                                         : 5 * FloatCutter::room(rows * h) +
                                               FloatCutter::room(rows * d);
  FloatCutter memory(large_floats(
      of_record + 6 * FloatCutter::room(rows * h) + FloatCutter::room(rows * d), floats));
  if (gathers) {
    record = StepRecord(memory.matrix(rows, StepRecord::width(shape)), shape);
  } else {  // nothing is sent: matrices without gaps are faster
    for (at::Tensor* part : {&record.grad_encoder0, &record.grad_encoder3, &record.grad_decoder0,
                             &record.normalized, &record.decoded})
      *part = memory.matrix(rows, h);
    record.grad_decoder2 = memory.matrix(rows, d);
  }
  activations.hidden = memory.matrix(rows, h);
  activations.normalized = record.normalized;
  activations.z = memory.matrix(rows, h);
  activations.codes = memory.matrix(rows, h);
  activations.decoded = record.decoded;
  activations.recon = memory.matrix(rows, d);
  grad_hidden = memory.matrix(rows, h);
  grad_codes = memory.matrix(rows, h);
  grad_z = memory.matrix(rows, h);
  moments = at::empty({plan.blocks, 2 * h}, floats.dtype(at::kDouble));
  sums = at::empty({plan.blocks, loss_columns + 2 * h}, floats.dtype(at::kDouble));
}

}  // namespace balr
