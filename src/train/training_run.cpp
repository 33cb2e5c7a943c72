#include "train/training_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"
#include "balr/dist/world.hpp"
#include "train/learning_rate.hpp"
#include "train/shared_state.hpp"

namespace balr {
namespace {

constexpr std::int64_t kStepsBetweenDigests = 100;

StateDict snapshot(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state)
    copy.emplace_back(name, tensor.is_cpu() ? tensor.clone() : tensor.to(at::kCPU));
  return copy;
}

// For tests: what a defect of memory does.
void flip_one_bit(const StateDict& held) {
  const at::Tensor& weights = held.front().second;
  at::Tensor bytes = weights.view({-1}).view(at::kByte).narrow(0, 0, 1);
  bytes.bitwise_xor_(4);
}

}  // namespace

TrainingRun::TrainingRun(const TrainSettings& settings, RunIdentity identity, World& world,
                         Batches& train, ValidationPass validation, TrainStep& step,
                         StepLoop& loop, RunFiles* files, StepControl control, RunEvents events)
    : settings_(settings),
      world_(world),
      train_(train),
      validation_(std::move(validation)),
      step_(step),
      loop_(loop),
      files_(files),
      control_(std::move(control)),
      events_(std::move(events)) {
  position_.seed = static_cast<std::int64_t>(settings.seed);
  position_.identity = std::move(identity.identity);
  position_.train_hash = std::move(identity.train_hash);
  position_.test_hash = std::move(identity.test_hash);
  position_.arithmetic = std::move(identity.arithmetic);
  position_.world_size = world.size();
  position_.program_version = std::move(identity.program_version);
  sums_.resize(loss_names(settings.losses).size() + 1);
}

std::vector<std::string> TrainingRun::loss_names(const LossSettings& losses) {
  std::vector<std::string> names = losses.names();
  names.insert(names.begin(), "total_loss");
  return names;
}

void TrainingRun::resume(const CheckpointMeta& meta) {
  position_.step = meta.step;
  position_.epoch = meta.epoch;
  position_.next_batch = meta.next_batch;
  position_.best_fitness = meta.best_fitness;
  position_.best_epoch = meta.best_epoch;
  position_.finished = meta.finished;
  collected_ = meta.step;
  if (meta.sums.size() == sums_.size()) sums_ = meta.sums;
}

bool TrainingRun::run() {
  while (position_.epoch < settings_.epochs && !is_early_enough())
    if (!run_epoch()) return false;
  if (!position_.finished) {
    position_.finished = true;
    save();
  }
  finish_files("end of training");
  fault_point("train.end", world_.rank(), 0);
  return true;
}

// Whether the best validation is too many epochs ago. True only right after a validation; a
// resumed run finds the same.
bool TrainingRun::is_early_enough() const {
  return settings_.early_stopping > 0 && settings_.val_period > 0 && position_.best_epoch >= 0 &&
         position_.next_batch == 0 && position_.epoch % settings_.val_period == 0 &&
         position_.epoch - 1 - position_.best_epoch >= settings_.early_stopping;
}

// False: stopped at a step.
bool TrainingRun::run_epoch() {
  while (position_.next_batch < train_.count()) {
    do_step();
    if (!control_.is_due()) continue;
    collect();
    switch (control_.decide(!files_ || files_->idle())) {
      case Command::kGoOn: break;
      case Command::kCheckpoint: save(); break;
      case Command::kStop:
        save();
        finish_files("stopped");
        return false;
    }
  }
  finish_epoch();
  return true;
}

void TrainingRun::do_step() {
  fault_point("train.step", world_.rank(), position_.step + 1);
  loop_.run(position_.epoch, position_.next_batch, position_.step);
  ++position_.next_batch;
  ++position_.step;
  ++steps_here_;
  if (!loop_.is_immediate()) {
    if (events_.step) events_.step(position_.step);
    return;  // the digest comes with each save
  }
  collect();
  if (position_.step % kStepsBetweenDigests == 0) check_replicas();
  if (events_.step) events_.step(position_.step);
}

// All ranks must hold the same numbers.
void TrainingRun::check_replicas() {
  step_.finish("weights");
  const StateDict held = step_.replicated();
  if (fault_number("flip", "train.weights", world_.rank()) != 0) flip_one_bit(held);
  check_equal_weights(world_, held, position_.step);
}

// Adds up what the steps found that were not looked at yet, the same on every rank. A step that is
// not finite left the weights as they were.
void TrainingRun::collect() {
  for (const StepRow& row : loop_.read()) {
    ++collected_;
    for (std::size_t i = 0; i < row.losses.size(); ++i) sums_[i] += row.losses[i];
    sums_.back() = row.gradient_norm;
    if (row.finite) continue;
    const std::int64_t batch = (collected_ - 1) % train_.count();
    throw DataError("the loss or its gradient is not finite in epoch " +
                    std::to_string(position_.epoch) + " at step " + std::to_string(collected_) +
                    " (batch " + std::to_string(batch) +
                    "); lower trainer.learning_rate, and look for outliers in the embeddings");
  }
}

EpochReport TrainingRun::make_report() {
  EpochReport report{.epoch = position_.epoch, .steps = train_.count(), .train = {}, .test = {}};
  for (std::size_t i = 0; i + 1 < sums_.size(); ++i)
    report.train.push_back(static_cast<float>(sums_[i] / static_cast<double>(train_.count())));
  report.gradient_norm = sums_.back();
  report.learning_rate = learning_rate_at(settings_.learning_rate, position_.step - 1,
                                          train_.count(), settings_.epochs);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - epoch_start_;
  report.seconds = passed.count();
  report.rows_per_second =
      static_cast<double>(steps_here_ * train_.rows_per_step()) / std::max(passed.count(), 1e-9);
  return report;
}

void TrainingRun::finish_epoch() {
  if (position_.epoch + 1 < settings_.epochs) loop_.prepare(position_.epoch + 1);
  collect();
  EpochReport report = make_report();
  const std::int64_t done = position_.epoch + 1;
  const auto is_due = [done](std::int64_t period) { return period > 0 && done % period == 0; };
  if (done == settings_.epochs || is_due(settings_.val_period)) validate(report);
  if (files_) {
    files_->add_epoch(report, is_due(settings_.log_period));
    if (report.best) files_->write_weights("best.pt", weights());
    if (is_due(settings_.save_period)) files_->write_weights("epoch" + std::to_string(position_.epoch) + ".pt", weights());
  }
  fault_point("train.epoch", world_.rank(), position_.epoch);
  ++position_.epoch;
  position_.next_batch = 0;
  std::fill(sums_.begin(), sums_.end(), 0.0);
  steps_here_ = 0;
  if (events_.epoch) events_.epoch(report);
  epoch_start_ = std::chrono::steady_clock::now();
}

void TrainingRun::validate(EpochReport& report) {
  ValidationPass::Result result = validation_.run(step_, position_.epoch);
  report.test = std::move(result.losses);
  report.codes = result.codes;
  const double fitness = -static_cast<double>(*report.test[0]);
  // What is not finite is never the best.
  report.best = std::isfinite(fitness) &&
                (!position_.best_fitness || fitness > *position_.best_fitness);
  if (!report.best) return;
  position_.best_fitness = fitness;
  position_.best_epoch = position_.epoch;
}

void TrainingRun::save() {
  check_replicas();
  Checkpoint checkpoint{position_, {}, step_.gather_state()};
  checkpoint.meta.sums = sums_;
  if (!files_) return;
  checkpoint.model = weights();
  files_->write_checkpoint(std::move(checkpoint));
}

void TrainingRun::finish_files(const char* why) {
  if (files_) {
    const Busy busy(world_, "writing the last files");
    files_->finish();
  }
  world_.barrier(why);
}

StateDict TrainingRun::weights() const { return snapshot(step_.model().state_dict()); }

}  // namespace balr
