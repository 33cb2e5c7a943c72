#pragma once
#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"
#include "balr/bae/train_step.hpp"

namespace balr {

// See TrainStep::evaluate.
Evaluation evaluate_rows(const Autoencoder& model, const at::Tensor& x, StepOps& ops);

}  // namespace balr
