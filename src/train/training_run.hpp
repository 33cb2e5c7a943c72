#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balr/bae/train_step.hpp"
#include "train/batches.hpp"
#include "train/checkpoint.hpp"
#include "train/run_files.hpp"
#include "train/step_control.hpp"

namespace balr {

class World;

// What a checkpoint says of the run besides its position.
struct RunIdentity {
  std::string identity, train_hash, test_hash, arithmetic, program_version;
};

struct EpochReport {
  std::int64_t epoch = 0, steps = 0;  // steps of each epoch
  std::vector<float> train, test;  // total, then each loss; test empty without validation
  bool best = false;
};

// For people: all on rank 0 only.
struct RunEvents {
  std::function<void(std::int64_t steps_done)> step;
  std::function<void(const EpochReport&)> epoch;
};

// The epochs of one run on all ranks. Every member is collective.
class TrainingRun {
 public:
  // `files`: rank 0's, null on the others. `start`: a checkpoint to go on from, the same on every rank.
  TrainingRun(const TrainSettings& settings, RunIdentity identity, World& world, Batches& train, Batches& test,
              TrainStep& step, RunFiles* files, StepControl control, RunEvents events);
  void resume(const CheckpointMeta& meta);

  // Trains to the end, or to a stop request: false. Everything is on the disk when it returns.
  bool run();

  std::int64_t epochs_done() const { return position_.epoch; }
  static std::vector<std::string> loss_names();  // columns and tags

 private:
  bool run_epoch();
  void do_step();
  void check_finite();
  void finish_epoch();
  std::vector<float> validate();
  void save();
  void finish_files(const char* why);
  StateDict weights() const;  // a snapshot on the CPU

  const TrainSettings& settings_;
  World& world_;
  Batches& train_;
  Batches& test_;
  TrainStep& step_;
  RunFiles* files_;
  StepControl control_;
  RunEvents events_;
  CheckpointMeta position_;
  at::Tensor sums_;    // float64 [1 + losses] on the device: over the epoch's batches so far
  at::Tensor finite_;  // bool on the device: of the steps since it was last looked at
};

}  // namespace balr
