#pragma once
#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"

namespace balr {

// Adam over all trained tensors of an auto-encoder, each rank updating what `ops` says it owns.
class Optimizer {
 public:
  // `ops` must outlive this object.
  Optimizer(const Autoencoder& model, double learning_rate, StepOps& ops);

  const at::Tensor& gradients() const { return gradients_; }  // flat, to be written before update()
  at::Tensor gradient(std::string_view name) const;           // its view of one parameter
  // One step, if loss and gradients are finite on all ranks; returns whether (bool, no dimensions).
  at::Tensor update(const Autoencoder& model, const at::Tensor& loss);

  StateDict gather_state();
  void load_state(const StateDict& state);

 private:
  StateDict named_moments() const;  // views

  std::vector<ParameterPlace> places_;
  double learning_rate_;
  StepOps& ops_;
  at::Tensor gradients_;
  AdamMoments moments_;
  std::vector<std::vector<Range>> owned_;  // by rank
};

}  // namespace balr
