#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "balr/bae/loss_ops.hpp"
#include "balr/core/partition.hpp"
#include "balr/kernels/threads.hpp"

// The operations over which the auto-encoder's training step is written, once. Two implementations:
// canonical (CPU; the same bytes on any number of ranks and threads and on any processor) and
// device (ATen's products, sums of all ranks; any device, the CPU too).
namespace balr {

class Collective;

// How the rows of a batch are divided. Sums over rows are taken in blocks of `block_rows`.
struct BatchPlan {
  std::int64_t batch = 0;  // rows of all ranks
  std::int64_t block_rows = 0;
  Range rows = {};          // of this rank
  std::int64_t blocks = 0;  // of this rank
  std::vector<std::int64_t> rows_of_rank = {}, blocks_of_rank = {};
};
// Whole blocks to each of `size` ranks, as evenly as they go; seen from `rank`.
BatchPlan plan_of_blocks(std::int64_t rows, std::int64_t block_rows, int rank, int size);

// What Adam updates: flat buffers of one size, and the ranges of them that this rank owns.
struct AdamPart {
  at::Tensor parameters, gradients, exp_avg, exp_avg_sq;
  std::span<const Range> owned;
};

// What batch-norm knows of its input: float32 [features]; variance is the biased one.
struct BatchStatistics {
  at::Tensor mean, variance, inverse_deviation;
};

// Matrices are float32 tensors [rows, columns], columns next to each other, rows at any distance;
// they may be empty. `out` is written and never overlaps an input unless it is named as such.
// Partial sums are float64 [blocks of this rank, width].
class StepOps : public LossOps {
 public:
  // Division of work.
  virtual BatchPlan plan(std::int64_t batch) const = 0;  // of a training batch
  virtual BatchPlan plan(std::int64_t rows, std::int64_t block_rows) const = 0;
  virtual Range features(std::int64_t outputs,
                         int of_rank) const = 0;  // output features whose weights a rank updates

  // out = a * b (+ bias of each column).
  virtual void product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias,
                       const at::Tensor& out) = 0;

  // Element-wise. NaN stays NaN, but for codes: 1 if z > 0, else 0.
  virtual void relu(const at::Tensor& x) = 0;  // in place
  virtual void tanh(const at::Tensor& x) = 0;  // in place
  virtual void codes(const at::Tensor& z, const at::Tensor& out) = 0;
  virtual void tanh_backward(const at::Tensor& grad,
                             const at::Tensor& y) = 0;  // in place: grad * (1 - y * y)
  // out = (clamp(grad_codes, -1, 1) + grad_z) * (1 - z * z); grad_z may be undefined.
  virtual void straight_through(const at::Tensor& grad_codes, const at::Tensor& grad_z,
                                const at::Tensor& z, const at::Tensor& out) = 0;
  virtual void difference(const at::Tensor& a, const at::Tensor& b, double factor,
                          const at::Tensor& out) = 0;

  // Batch-norm. `moments`: partial sums [blocks, 2 * features] of x and of x * x.
  virtual void moments(const at::Tensor& x, const BatchPlan& plan, const at::Tensor& partials) = 0;
  virtual BatchStatistics statistics(const at::Tensor& totals, std::int64_t batch) = 0;
  virtual at::Tensor inverse_deviation(
      const at::Tensor& variance) = 0;  // 1 / sqrt(variance + 1e-5)
  virtual void normalize(const at::Tensor& x, const BatchStatistics& of, const at::Tensor& gamma,
                         const at::Tensor& beta, const at::Tensor& out) = 0;
  // Partial sums [blocks, 2 * features] of grad and of grad * (x - mean).
  virtual void normalize_sums(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                              const BatchPlan& plan, const at::Tensor& partials) = 0;
  // The gradient of x before batch-norm and, since x = relu(...), before relu too.
  virtual void normalize_backward(const at::Tensor& grad, const at::Tensor& x,
                                  const BatchStatistics& of, const at::Tensor& gamma,
                                  const at::Tensor& totals, std::int64_t batch,
                                  const at::Tensor& out) = 0;
  virtual void normalize_parameter_grads(const at::Tensor& totals, const BatchStatistics& of,
                                         const at::Tensor& grad_gamma,
                                         const at::Tensor& grad_beta) = 0;
  // Momentum 0.1, unbiased variance; nothing happens unless `allowed`.
  virtual void update_running(const BatchStatistics& of, std::int64_t batch,
                              const at::Tensor& allowed, const at::Tensor& running_mean,
                              const at::Tensor& running_var, const at::Tensor& batches_tracked) = 0;

  // Sums over rows. Partial sums [blocks, 1] of (a - b)^2 over all columns.
  virtual void square_difference(const at::Tensor& a, const at::Tensor& b, const BatchPlan& plan,
                                 const at::Tensor& partials) = 0;
  // The sum of all ranks' partial sums: float64 [width], the same on every rank.
  virtual at::Tensor total(const at::Tensor& partials, const BatchPlan& plan, const char* what) = 0;

  // Weight gradients. `gather` returns the rows that they are summed over: those of all ranks, or
  // just the given.
  virtual at::Tensor gather(const at::Tensor& rows, const BatchPlan& plan, const char* what) = 0;
  // Codes (0 or 1) as bits: out [rows, bit_columns(columns)], to be gathered.
  static std::int64_t bit_columns(std::int64_t columns) { return (columns + 31) / 32; }
  virtual bool gathers()
      const = 0;  // false: gather() returns its argument, so that nothing need be packed
  virtual void pack_codes(const at::Tensor& codes, const at::Tensor& out) = 0;
  virtual void unpack_codes(const at::Tensor& bits, const at::Tensor& out) = 0;
  virtual void column_sums(const at::Tensor& x, const BatchPlan& plan,
                           const at::Tensor& out) = 0;  // out [columns]

  // Whether every rank holds all gradients after reduce_gradients().
  virtual bool holds_all_gradients() const { return false; }
  // Sums over output features. Sums of squares of each row: float64 [rows].
  virtual at::Tensor square_sums(const at::Tensor& x) = 0;
  // The square root of the sum of all numbers of parts of outputs[i] features, of which this rank has what it owns
  // (see features()): float64, no dimensions, the same on every rank.
  virtual at::Tensor root_of_features(std::span<const at::Tensor> parts,
                                     std::span<const std::int64_t> outputs, const char* what) = 0;

  // The update. `owned` are the ranges of the flat buffers that this rank's features take.
  virtual void reduce_gradients(const at::Tensor& flat) = 0;
  // Bool, no dimensions, the same on every rank: total loss and gradients are finite, none beyond
  // 1e18.
  virtual at::Tensor update_allowed(const at::Tensor& flat, std::span<const Range> owned,
                                    const at::Tensor& loss) = 0;
  // One step for all parts; `step` and `learning_rate`: float64, no dimensions; `step` counts the
  // steps made.
  virtual void adam(std::span<const AdamPart> parts, const at::Tensor& step,
                    const at::Tensor& learning_rate, const at::Tensor& allowed) = 0;
  // Makes a flat buffer of which each rank updated what it owns whole on every rank. Ranges by
  // rank.
  virtual void share(std::span<const at::Tensor> flats, std::span<const std::vector<Range>> owned,
                     const char* what) = 0;
  // Before the host reads from the device: waits for the work of all ranks, see Collective.
  virtual void finish(const char* /*what*/) {}
  virtual int rank() const = 0;
  virtual int size() const = 0;
};

// `collective` may be null: this process alone. It must outlive the result.
std::unique_ptr<StepOps> make_canonical_ops(Collective* collective, const Threads& threads);
std::unique_ptr<StepOps> make_device_ops(Collective* collective);

}  // namespace balr
