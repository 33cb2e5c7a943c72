#pragma once
#include <ATen/core/Tensor.h>

#include "bae/forward.hpp"
#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"

namespace balr {

// What the weight gradients need of each row, side by side in one matrix, so that one message
// gathers it: the gradients of the four linear layers' outputs, and their inputs (the codes as
// bits; the first layer's is x).
struct StepRecord {
  StepRecord() = default;
  StepRecord(at::Tensor rows, const AutoencoderShape& shape);
  at::Tensor rows;
  // Views of `rows`; where nothing is sent, matrices of their own, and no `rows` and code bits.
  at::Tensor grad_encoder0, grad_encoder3, grad_decoder0, grad_decoder2;
  at::Tensor normalized, decoded, code_bits;
  static std::int64_t width(const AutoencoderShape& shape);
};

// Memory of a step for one batch size.
struct StepBuffers {
  StepBuffers() = default;
  // `loss_columns`: of partial sums, of all losses. `gathers`: the record is sent, see StepOps.
  StepBuffers(const AutoencoderShape& shape, std::int64_t loss_columns, BatchPlan of_batch,
              bool gathers, const at::TensorOptions& floats);
  BatchPlan plan;
  StepRecord record;        // this rank's rows
  Activations activations;  // `normalized` and `decoded` lie in the record
  at::Tensor
      grad_hidden;  // [rows, H]: of decoder.0's output, then of the codes, then of `normalized`
  at::Tensor grad_codes, grad_z;  // of the losses that look at them
  at::Tensor all_codes;  // [batch, H]; where rows are gathered
  at::Tensor moments;    // [blocks, 2 H]
  at::Tensor sums;       // [blocks, columns of losses + 2 H]
};

}  // namespace balr
