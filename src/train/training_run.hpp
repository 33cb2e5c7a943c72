#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balr/bae/train_step.hpp"
#include "train/batches.hpp"
#include "train/checkpoint.hpp"
#include "train/epoch_report.hpp"
#include "train/run_files.hpp"
#include "train/step_control.hpp"
#include "train/step_loop.hpp"
#include "train/validation.hpp"

namespace balr {

class World;

// What a checkpoint says of the run besides its position.
struct RunIdentity {
  std::string identity, train_hash, test_hash, arithmetic, program_version;
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
  TrainingRun(const TrainSettings& settings, RunIdentity identity, World& world, Batches& train,
              ValidationPass validation, TrainStep& step, StepLoop& loop, RunFiles* files,
              StepControl control, RunEvents events);
  void resume(const CheckpointMeta& meta);

  // Trains to the end, or to a stop request: false. Everything is on the disk when it returns.
  bool run();

  std::int64_t epochs_done() const { return position_.epoch; }
  static std::vector<std::string> loss_names(const LossSettings& losses);  // columns and tags

 private:
  bool run_epoch();
  void do_step();
  void collect();
  void check_replicas();
  void finish_epoch();
  EpochReport make_report();
  void validate(EpochReport& report);
  bool is_early_enough() const;
  void save();
  void finish_files(const char* why);
  StateDict weights() const;  // a snapshot on the CPU

  const TrainSettings& settings_;
  World& world_;
  Batches& train_;
  ValidationPass validation_;
  TrainStep& step_;
  StepLoop& loop_;
  RunFiles* files_;
  StepControl control_;
  RunEvents events_;
  CheckpointMeta position_;
  // Over the epoch's batches so far: total, each loss; at the end the length of the last step's
  // gradient.
  std::vector<double> sums_;
  std::int64_t collected_ = 0;  // steps of the run that are in it, or in an earlier epoch's
  std::int64_t steps_here_ = 0;  // of this epoch, by this process
  std::chrono::steady_clock::time_point epoch_start_ = std::chrono::steady_clock::now();
};

}  // namespace balr
