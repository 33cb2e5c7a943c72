#include "train/step_control.hpp"

#include <algorithm>
#include <string>

#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr int kStopTag = 41;  // message to rank 0: this rank was told to stop
constexpr double kSecondsBetweenPoints = 0.25;

}  // namespace

StepControl::StepControl(World& world, double checkpoint_seconds, std::function<bool()> stop_requested)
    : world_(world),
      checkpoint_seconds_(checkpoint_seconds),
      stop_requested_(std::move(stop_requested)),
      last_checkpoint_(Clock::now()),
      last_point_(Clock::now()) {}

Command StepControl::decide_here(bool can_save) {
  bool stop = stop_requested_();
  while (world_.receive(kStopTag)) stop = true;
  if (stop) return Command::kStop;
  if (!can_save || Clock::now() - last_checkpoint_ < checkpoint_seconds_) return Command::kGoOn;
  last_checkpoint_ = Clock::now();
  return Command::kCheckpoint;
}

int StepControl::steps_to_next() {
  const std::chrono::duration<double> passed = Clock::now() - last_point_;
  last_point_ = Clock::now();
  const double wanted = interval_ * kSecondsBetweenPoints / std::max(passed.count(), 1e-6);
  return static_cast<int>(std::clamp(wanted, 1.0, static_cast<double>(std::min(kMostSteps, 4 * interval_))));
}

Command StepControl::decide(bool can_save) {
  std::string message;
  if (world_.rank() == 0) {
    const Command command = decide_here(can_save);
    message = static_cast<char>(command) + std::to_string(steps_to_next());
  } else if (!told_rank0_ && stop_requested_()) {
    world_.send(0, kStopTag, "stop");
    told_rank0_ = true;
  }
  if (world_.size() > 1) message = world_.broadcast(message, 0, "control point");
  interval_ = std::stoi(message.substr(1));
  steps_left_ = interval_;
  return static_cast<Command>(message[0]);
}

}  // namespace balr
