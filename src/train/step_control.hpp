#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

namespace balr {

class World;

enum class Command : char { kGoOn = 'g', kCheckpoint = 'c', kStop = 's' };

// What all ranks do after a step, decided by rank 0 and told to the others. Control points come about every quarter of
// a second, however long a step takes: rank 0 says with each how many steps the next one is away.
class StepControl {
 public:
  static constexpr int kMostSteps = 64;  // from one control point to the next

  // `stop_requested`: whether this rank was told to stop (a signal may reach one rank only).
  StepControl(World& world, double checkpoint_seconds, std::function<bool()> stop_requested);

  // True: this step is a control point; call decide() on all ranks. `step` counts up by one from call to call.
  bool is_due() { return --steps_left_ <= 0; }
  // Collective. `can_save`: rank 0 has no checkpoint in writing.
  Command decide(bool can_save);

 private:
  using Clock = std::chrono::steady_clock;
  Command decide_here(bool can_save);
  int steps_to_next();

  World& world_;
  std::chrono::duration<double> checkpoint_seconds_;
  std::function<bool()> stop_requested_;
  Clock::time_point last_checkpoint_, last_point_;
  int steps_left_ = 1, interval_ = 1;
  bool told_rank0_ = false;
};

}  // namespace balr
