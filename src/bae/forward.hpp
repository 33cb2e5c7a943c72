#pragma once
#include <ATen/core/Tensor.h>

#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"

// The network, once, for training and inference: they differ in the statistics that batch-norm
// uses.
namespace balr {

// Where the forward pass puts its results, [rows, H] but for `recon` [rows, D].
struct Activations {
  at::Tensor hidden;      // relu of the first layer
  at::Tensor normalized;  // input of encoder.3
  at::Tensor z, codes;
  at::Tensor decoded;  // input of decoder.2
  at::Tensor recon;
};

// The trained tensors, looked up once.
struct Parameters {
  explicit Parameters(const Autoencoder& model);
  at::Tensor encoder0_weight, encoder0_bias, gamma, beta, encoder3_weight, encoder3_bias;
  at::Tensor decoder0_weight, decoder0_bias, decoder2_weight, decoder2_bias;
};

void forward_hidden(const Parameters& p, const at::Tensor& x, const Activations& to, StepOps& ops);
// From the hidden layer to the codes, and on to the reconstruction.
void forward_codes(const Parameters& p, const BatchStatistics& statistics, const Activations& to,
                   StepOps& ops);
void forward_rest(const Parameters& p, const BatchStatistics& statistics, const Activations& to,
                  StepOps& ops);

// With the running statistics; tensors are made on the model's device.
Activations forward_eval(const Autoencoder& model, const at::Tensor& x, StepOps& ops);

}  // namespace balr
