#pragma once
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "balr/bae/loss_settings.hpp"
#include "balr/bae/step_ops.hpp"

namespace balr {

// What the losses see: the forward pass of this rank's rows (plan.rows) of a batch.
struct LossInput {
  const BatchPlan& plan;
  at::Tensor x, recon;        // [rows, D]
  at::Tensor codes, z;        // [rows, H]
  const BatchLabels* labels;  // of the whole batch ...
  const CodePairs* pairs;     // ... and its codes; null unless a loss asks for them
  at::Tensor head;            // the loss's own trained matrix
  at::Tensor constants;       // the loss's constants(), on the device
};

// A gradient that several losses add to; the first to come writes it.
struct LossGradient {
  at::Tensor value;
  bool written = false;
};
struct LossGradients {
  LossGradient recon, z;    // of the weighted total, this rank's rows
  LossGradient unit_codes;  // of the codes at length 1, up to multiples of themselves
  at::Tensor head;          // as LossInput::head: this rank's output features, see StepOps::features
};

// One term of the total. Immutable.
class Loss {
 public:
  explicit Loss(double weight) : weight_(weight) {}
  virtual ~Loss() = default;
  double weight() const { return weight_; }
  virtual std::string name() const = 0;  // as in TensorBoard's tags, e.g. MSE
  virtual bool needs_labels() const { return false; }
  virtual bool needs_pairs() const { return false; }   // these losses need labels too
  virtual std::int64_t head_rows() const { return 0; }  // of the trained matrix [rows, H]
  virtual std::int64_t columns() const { return 1; }    // of partial sums
  virtual at::Tensor constants() const { return {}; }   // numbers that the loss wants on the device
  // Writes this rank's partial sums (float64 [blocks, columns()]) and adds weight() * its gradient,
  // unless `gradients` is null.
  virtual void compute(const LossInput& input, StepOps& ops, const at::Tensor& partials,
                       LossGradients* gradients) const = 0;
  // The unweighted value (float64, no dimensions) from the sums [columns()] over all blocks.
  virtual at::Tensor value(const at::Tensor& totals, std::int64_t batch,
                           std::int64_t input_dim) const = 0;
  // Throws DataError if a batch with these classes cannot be computed.
  virtual void check(const BatchLabels&) const {}

 private:
  double weight_;
};

// Mean over all elements of (recon - x)^2.
std::shared_ptr<const Loss> make_mse_loss(double weight);

// What a miner with this margin keeps.
TripletRange mined(TripletType type, double margin);

// Mean of the positive ones of d(a, p) - d(a, n) + loss_margin over the mined triplets of a batch;
// d between codes at length 1. 0 if there are none.
std::shared_ptr<const Loss> make_triplet_loss(const TripletSettings& settings);

// Mean over rows of cross entropy times the row's share in the mined triplets; the angle to the own
// class grows by 28.6 degrees, logits are 64 times the cosines. Its trained matrix is [C, H].
std::shared_ptr<const Loss> make_arcface_loss(const ArcFaceSettings& settings);
// [C, H], standard normal: what the Python balr draws right after the model.
at::Tensor draw_arcface_head(std::int64_t classes, std::int64_t internal_dim,
                             at::Generator& generator);

// Mean over groups of M rows of one class of the sum over features of clamp(S - target, 0, 1)^2,
// S = sum of Z over the group.
std::shared_ptr<const Loss> make_sparsity_loss(const SparsitySettings& settings,
                                               std::int64_t internal_dim);

}  // namespace balr
