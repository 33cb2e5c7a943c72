#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balr/bae/step_ops.hpp"

namespace balr {

// What the losses see: the forward pass of this rank's rows (plan.rows) of a batch.
struct LossInput {
  const BatchPlan& plan;
  at::Tensor x, recon;                   // [rows, D]
  at::Tensor codes, z;                   // [rows, H]
  std::span<const std::int64_t> labels;  // of the whole batch; empty where no loss needs them
};

// A gradient that several losses add to; the first to come writes it.
struct LossGradient {
  at::Tensor value;
  bool written = false;
};
struct LossGradients {
  LossGradient recon, codes, z;  // of the weighted total, this rank's rows
};

// One term of the total. Immutable.
class Loss {
 public:
  explicit Loss(double weight) : weight_(weight) {}
  virtual ~Loss() = default;
  double weight() const { return weight_; }
  virtual std::string name() const = 0;  // as in TensorBoard's tags, e.g. MSE
  // Writes this rank's partial sums (float64 [blocks, 1]) and adds weight() * its gradient.
  virtual void compute(const LossInput& input, StepOps& ops, const at::Tensor& partials,
                       LossGradients& gradients) const = 0;
  // The unweighted value is the sum of all partial sums times this.
  virtual double scale(std::int64_t batch, std::int64_t input_dim) const = 0;

 private:
  double weight_;
};

// Mean over all elements of (recon - x)^2.
std::shared_ptr<const Loss> make_mse_loss(double weight);

}  // namespace balr
