#include "train/training_run.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"
#include "balr/dist/world.hpp"
#include "train/shared_state.hpp"

namespace balr {
namespace {

constexpr std::int64_t kStepsBetweenDigests = 100;

std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  const double* data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

StateDict snapshot(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state)
    copy.emplace_back(name, tensor.is_cpu() ? tensor.clone() : tensor.to(at::kCPU));
  return copy;
}

}  // namespace

TrainingRun::TrainingRun(const TrainSettings& settings, RunIdentity identity, World& world, Batches& train, Batches& test,
                         TrainStep& step, RunFiles* files, StepControl control, RunEvents events)
    : settings_(settings),
      world_(world),
      train_(train),
      test_(test),
      step_(step),
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
  const auto device = train.values().device();
  sums_ = at::zeros({static_cast<std::int64_t>(loss_names().size())}, at::TensorOptions(at::kDouble).device(device));
  finite_ = at::ones({}, at::TensorOptions(at::kBool).device(device));
}

std::vector<std::string> TrainingRun::loss_names() { return {"total_loss", "MSE"}; }

void TrainingRun::resume(const CheckpointMeta& meta) {
  position_.step = meta.step;
  position_.epoch = meta.epoch;
  position_.next_batch = meta.next_batch;
  position_.best_fitness = meta.best_fitness;
  position_.best_epoch = meta.best_epoch;
  position_.finished = meta.finished;
  if (static_cast<std::int64_t>(meta.sums.size()) == sums_.numel()) sums_.copy_(at::tensor(meta.sums, at::kDouble));
}

bool TrainingRun::run() {
  while (position_.epoch < settings_.epochs)
    if (!run_epoch()) return false;
  if (!position_.finished) {
    position_.finished = true;
    save();
  }
  finish_files("end of training");
  return true;
}

// False: stopped at a step.
bool TrainingRun::run_epoch() {
  while (position_.next_batch < train_.count()) {
    do_step();
    if (!control_.is_due()) continue;
    check_finite();
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
  fault_point("train.step", world_.rank());
  const Batch batch = train_.get(position_.epoch, position_.next_batch);
  const StepResult result = step_.run(batch.x, batch.labels);
  sums_.add_(result.losses);
  finite_.logical_and_(result.finite_flag);
  ++position_.next_batch;
  ++position_.step;
  if (finite_.is_cpu()) check_finite();
  if (position_.step % kStepsBetweenDigests == 0) check_equal_weights(world_, step_.model().state_dict(), position_.step);
  if (events_.step) events_.step(position_.step);
}

// The same on every rank. The step itself left the weights as they were.
void TrainingRun::check_finite() {
  if (finite_.item<bool>()) return;
  throw DataError("the loss or its gradient is not finite in epoch " + std::to_string(position_.epoch) + " at step " +
                  std::to_string(position_.step) + " (batch " + std::to_string(position_.next_batch - 1) +
                  "); lower trainer.learning_rate, and look for outliers in the embeddings");
}

void TrainingRun::finish_epoch() {
  check_finite();
  EpochReport report{.epoch = position_.epoch, .steps = train_.count(), .train = {}, .test = {}};
  for (const double sum : to_doubles(sums_)) report.train.push_back(static_cast<float>(sum / static_cast<double>(train_.count())));
  const std::int64_t done = position_.epoch + 1;
  const auto is_due = [done](std::int64_t period) { return period > 0 && done % period == 0; };
  if (done == settings_.epochs || is_due(settings_.val_period)) {
    report.test = validate();
    const double fitness = -static_cast<double>(report.test[0]);
    // Comparisons with NaN are false: it is never the best.
    report.best = !std::isnan(fitness) && (!position_.best_fitness || fitness > *position_.best_fitness);
    if (report.best) {
      position_.best_fitness = fitness;
      position_.best_epoch = position_.epoch;
    }
  }
  if (files_) {
    files_->add_epoch(position_.epoch, report.train, report.test, is_due(settings_.log_period));
    if (report.best) files_->write_weights("best.pt", weights());
    if (is_due(settings_.save_period)) files_->write_weights("epoch" + std::to_string(position_.epoch) + ".pt", weights());
  }
  ++position_.epoch;
  position_.next_batch = 0;
  sums_.zero_();
  if (events_.epoch) events_.epoch(report);
}

std::vector<float> TrainingRun::validate() {
  double mse = 0;
  if (settings_.validation == Validation::kFull) {
    mse = step_.evaluate(test_.values());
  } else {
    for (std::int64_t number = 0; number < test_.count(); ++number) mse += step_.evaluate(test_.get(position_.epoch, number).x);
    mse /= static_cast<double>(test_.count());
  }
  return {static_cast<float>(settings_.mse_weight * mse), static_cast<float>(mse)};
}

void TrainingRun::save() {
  check_equal_weights(world_, step_.model().state_dict(), position_.step);
  Checkpoint checkpoint{position_, {}, step_.gather_state()};
  checkpoint.meta.sums = to_doubles(sums_);
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
