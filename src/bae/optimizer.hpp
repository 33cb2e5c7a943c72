#pragma once
#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "balr/bae/autoencoder.hpp"
#include "balr/bae/step_ops.hpp"

namespace balr {

// Adam over all trained tensors, the auto-encoder's and the losses' own ("heads"), each rank
// updating what `ops` says it owns.
class Optimizer {
 public:
  struct Head {
    ParameterPlace place;  // offset 0; the state dict holds the transpose, as the Python balr does
    at::Tensor value;      // [outputs, inputs]
  };

  // Updates these tensors in place. `ops` must outlive this object.
  Optimizer(const Autoencoder& model, std::vector<Head> heads, StepOps& ops);

  // All gradients in one flat buffer, to be written before update(): the model's, then the heads'.
  const at::Tensor& gradients() const { return gradients_; }
  at::Tensor gradient(std::string_view name) const;  // its view of one parameter of the model
  at::Tensor head_gradient(std::size_t head) const;
  // The Euclidean length of all gradients (float64, no dimensions), the same on every rank.
  at::Tensor gradient_norm();
  // Makes that length at most `limit`, given what it is.
  void clip(const at::Tensor& norm, double limit);
  // One step, if loss and gradients are finite on all ranks; returns whether (bool, no dimensions).
  at::Tensor update(const at::Tensor& learning_rate, const at::Tensor& loss);

  // Collective. Adam's moments, its step count, and the heads; copies on the CPU.
  StateDict gather_state();
  void load_state(const StateDict& state);

 private:
  // A flat buffer of parameters and where its gradients and moments begin.
  struct Part {
    at::Tensor parameters;
    std::int64_t offset = 0;
    std::vector<ParameterPlace> places;
    std::vector<std::vector<Range>> owned;  // by rank
    bool is_head = false;
  };
  struct Named {
    std::string name;
    at::Tensor value;  // a view
  };
  void add_part(at::Tensor parameters, std::vector<ParameterPlace> places, bool is_head);
  at::Tensor of(const at::Tensor& flat, const Part& part, const ParameterPlace& place) const;
  std::vector<Named> named_state() const;

  StepOps& ops_;
  std::vector<Part> parts_;
  at::Tensor gradients_, first_, second_;  // flat
  at::Tensor step_;                        // float64, no dimensions
};

}  // namespace balr
