#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "balr/bae/queued_steps.hpp"
#include "train/batches.hpp"

namespace balr {

// How the steps of a run are made, on all ranks.
class StepLoop {
 public:
  virtual ~StepLoop() = default;
  // Collective. Begins batch `number` of `epoch`; `step`: steps made before it.
  virtual void run(std::int64_t epoch, std::int64_t number, std::int64_t step) = 0;
  // Collective. Waits for the steps so far: what those since the last call found, in order.
  virtual std::vector<StepRow> read() = 0;
  // Whether read() costs nothing.
  virtual bool is_immediate() const = 0;
  // Makes what an epoch needs, while the device is busy with the one before.
  virtual void prepare(std::int64_t /*epoch*/) {}
};

// One step after the other. The length of the gradient is known of an epoch's last step.
std::unique_ptr<StepLoop> make_direct_loop(TrainStep& step, Batches& batches,
                                           const TrainSettings& settings);

// Queued on the device, see QueuedSteps; any device, the CPU too. At most kMostSteps steps of
// StepControl may be unread. `record`: replay a CUDA graph.
std::unique_ptr<StepLoop> make_queued_loop(TrainStep& step, Batches& batches,
                                           const TrainSettings& settings, bool record);

}  // namespace balr
