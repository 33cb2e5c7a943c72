#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balr/bae/autoencoder.hpp"
#include "balr/bae/loss.hpp"
#include "balr/kernels/threads.hpp"

namespace balr {

class Collective;

struct TrainStepOptions {
  double learning_rate = 1e-3;
  // true: the same bytes on any number of ranks; on the CPU also of threads, and on any processor;
  // on GPUs of one type. false: ATen, and one sum of the gradients.
  bool canonical = true;
  // On the CPU compute what a GPU would, with ATen: for tests.
  bool as_device = false;
  Threads threads = {};  // of the canonical step; ATen has its own
  // At least one. Their order is that of the sums and of TrainStep's results.
  std::vector<std::shared_ptr<const Loss>> losses;
  std::vector<at::Tensor> heads = {};  // of the losses that train a matrix of their own, in order
  double clip_norm = 0;                // longest gradient, all parameters together; 0: any
};

// Tensors, so that a device is not waited for; the accessors wait.
struct StepResult {
  at::Tensor losses;         // float64 [1 + losses]: weighted total, then each loss unweighted
  at::Tensor finite_flag;    // bool, no dimensions
  at::Tensor gradient_norm;  // float64, no dimensions; before clipping. Undefined unless asked for
  std::vector<double> values() const;
  // False: loss or gradients were not finite, and neither weights nor optimizer nor statistics were
  // changed.
  bool finite() const;
};

// What a pass over validation rows found, with the running statistics.
struct Evaluation {
  double mse = 0;                  // mean over all rows and columns of (recon - x)^2
  std::vector<std::int64_t> ones;  // of each attribute: the rows in which it is on
};

// The training step of the auto-encoder on all ranks: forward, losses, backward and Adam, by hand.
// Batch-norm and losses are over the whole batch, whichever ranks its rows are on. All ranks hold
// equal models and call the same members with equal arguments ("Collective").
class TrainStep {
 public:
  // Trains a copy of `model`, on `device`. `collective` must outlive this object; null: one
  // process.
  TrainStep(const Autoencoder& model, const at::Device& device, TrainStepOptions options,
            Collective* collective);
  ~TrainStep();
  TrainStep(TrainStep&&) noexcept;

  void set_learning_rate(double rate);
  // float64, no dimensions, on the device: what the next step takes.
  at::Tensor learning_rate() const;

  // Collective. `x`: the whole batch, float32 [B, D] on the device, the same on every rank;
  // `labels`: its B classes (may be empty where no loss needs them). Throws DataError if B < 2
  // (batch-norm needs two rows), or a loss cannot take these classes.
  StepResult run(const at::Tensor& x, std::span<const std::int64_t> labels,
                 bool want_gradient_norm = false);

  // Collective. run() with the classes on the device already, and unchecked: then a step over
  // device operations only queues work there and can be recorded as a CUDA graph. `labels` may be
  // empty where no loss needs them.
  StepResult queue(const at::Tensor& x, const BatchLabels& labels, bool want_gradient_norm = false);
  bool needs_labels() const;
  std::size_t loss_count() const;
  // Throws DataError if a loss cannot take a batch of these classes.
  void check(std::span<const std::int64_t> labels) const;
  // Before the host reads from the device, its copies of weights included: waits for all ranks.
  void finish(const char* what);

  // Collective. x: float32 [N, D] on the device, the same on every rank, N >= 1. Each row counts
  // once.
  Evaluation evaluate(const at::Tensor& x);
  // Collective. The unweighted losses of one batch with the running statistics; of those that are
  // not `wanted`, NaN.
  std::vector<double> evaluate_losses(const at::Tensor& x, std::span<const std::int64_t> labels,
                                      const std::vector<bool>& wanted);

  const Autoencoder& model() const;
  // All that every rank holds alike: the model and the losses' matrices. Shares memory.
  StateDict replicated() const;
  // Collective. Adam's moments as exp_avg.<parameter> and exp_avg_sq.<parameter>, its step count as
  // step, and the losses' own matrices as <loss>.W; copies on the CPU.
  StateDict gather_state();
  // What gather_state() returned, on any number of ranks. Throws DataError naming the tensor that
  // is wrong.
  void load_state(const StateDict& state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct AutoencoderOutput {
  at::Tensor recon, codes, z;  // [N, D], [N, H], [N, H] float32
};

// Inference (running statistics) on this process alone; x: float32 [N, D] on the CPU. A row's bytes
// depend on nothing but the row.
AutoencoderOutput infer(const Autoencoder& model, const at::Tensor& x, const Threads& threads = {});

}  // namespace balr
