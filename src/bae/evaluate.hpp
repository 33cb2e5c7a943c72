#pragma once
#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"

namespace balr {

// Mean of (recon - x)^2 over all rows and columns, with the running statistics, rows divided among
// the ranks.
double evaluate_mse(const Autoencoder& model, const at::Tensor& x, StepOps& ops);

}  // namespace balr
