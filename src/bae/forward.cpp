#include "bae/forward.hpp"

#include <ATen/ATen.h>

namespace balr {

Parameters::Parameters(const Autoencoder& model)
    : encoder0_weight(model.parameter("encoder.0.weight")),
      encoder0_bias(model.parameter("encoder.0.bias")),
      gamma(model.parameter("encoder.2.weight")),
      beta(model.parameter("encoder.2.bias")),
      encoder3_weight(model.parameter("encoder.3.weight")),
      encoder3_bias(model.parameter("encoder.3.bias")),
      decoder0_weight(model.parameter("decoder.0.weight")),
      decoder0_bias(model.parameter("decoder.0.bias")),
      decoder2_weight(model.parameter("decoder.2.weight")),
      decoder2_bias(model.parameter("decoder.2.bias")) {}

void forward_hidden(const Parameters& p, const at::Tensor& x, const Activations& to, StepOps& ops) {
  ops.product(x, p.encoder0_weight.t(), p.encoder0_bias, to.hidden);
  ops.relu(to.hidden);
}

void forward_codes(const Parameters& p, const BatchStatistics& statistics, const Activations& to,
                   StepOps& ops) {
  ops.normalize(to.hidden, statistics, p.gamma, p.beta, to.normalized);
  ops.product(to.normalized, p.encoder3_weight.t(), p.encoder3_bias, to.z);
  ops.tanh(to.z);
  ops.codes(to.z, to.codes);
}

void forward_rest(const Parameters& p, const BatchStatistics& statistics, const Activations& to,
                  StepOps& ops) {
  forward_codes(p, statistics, to, ops);
  ops.product(to.codes, p.decoder0_weight.t(), p.decoder0_bias, to.decoded);
  ops.tanh(to.decoded);
  ops.product(to.decoded, p.decoder2_weight.t(), p.decoder2_bias, to.recon);
}

Activations forward_eval(const Autoencoder& model, const at::Tensor& x, StepOps& ops) {
  const std::int64_t rows = x.size(0), h = model.shape().internal_dim;
  const auto matrix = [&](std::int64_t cols) { return at::empty({rows, cols}, x.options()); };
  const Activations to{matrix(h), matrix(h), matrix(h),
                       matrix(h), matrix(h), matrix(model.shape().input_dim)};
  const Parameters p(model);
  forward_hidden(p, x, to, ops);
  const BatchStatistics running{model.running_mean(), model.running_var(),
                                ops.inverse_deviation(model.running_var())};
  forward_rest(p, running, to, ops);
  return to;
}

}  // namespace balr
