#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "balr/bae/train_step.hpp"

namespace balr {

// The batches of one epoch, made on the host; copied to the device in one piece.
struct EpochOrder {
  at::Tensor rows;   // int64 [steps, B]: rows of the table; behind a shorter batch any rows
  at::Tensor rates;  // float64 [steps]: learning rates
  std::vector<std::int64_t> sizes;  // of each batch, 2 to B; [steps]
  std::int64_t largest_class = 0;   // most rows of one class in a batch; where losses need labels
};

// What one step found.
struct StepRow {
  std::vector<double> losses;  // weighted total, then each loss unweighted
  bool finite = true;          // false: the step changed nothing
  double gradient_norm = 0;    // before clipping
};

struct QueuedStepsOptions {
  std::int64_t ring_rows = 64;  // most steps between two reads
  bool record = false;          // replay steps of B rows as a CUDA graph (on a CUDA device)
};

// Training steps as a queue on the device: table, batches, learning rates, results and the place in
// all of them lie there, and what a step needs of the host is its start. Results go into a ring of
// rows on the device, which the host reads after a number of steps that it chooses, the same on all
// ranks. On CUDA the step of a full batch is recorded as a graph when the first few have run;
// others run operation by operation. On the CPU the same code computes at once.
class QueuedSteps {
 public:
  // values: float32 [N, D], classes: int64 [N] (undefined where no loss needs labels), on the
  // device. `step` is not canonical and outlives this object, which outlives no collective.
  QueuedSteps(TrainStep& step, at::Tensor values, at::Tensor classes, QueuedStepsOptions options);
  ~QueuedSteps();

  // The batches from number `first` on are those of `order`. Nothing may be unread.
  void begin(const EpochOrder& order, std::int64_t first);
  // Collective. Queues the next step.
  void run();
  std::int64_t unread() const;
  // Collective. Waits for the steps so far; those since the last call, in order.
  std::vector<StepRow> read();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace balr
