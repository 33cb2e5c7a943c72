#include "train/step_loop.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "balr/core/error.hpp"
#include "train/learning_rate.hpp"
#include "train/step_control.hpp"

namespace balr {
namespace {

class DirectLoop : public StepLoop {
 public:
  DirectLoop(TrainStep& step, Batches& batches, const TrainSettings& settings)
      : step_(step), batches_(batches), settings_(settings) {}

  void run(std::int64_t epoch, std::int64_t number, std::int64_t step) override {
    const Batch batch = batches_.get(epoch, number);
    step_.set_learning_rate(
        learning_rate_at(settings_.learning_rate, step, batches_.count(), settings_.epochs));
    const bool is_last = number + 1 == batches_.count();
    const StepResult result = step_.run(batch.x, batch.labels, is_last);
    found_.push_back(
        {result.values(), result.finite(), is_last ? result.gradient_norm.item<double>() : 0.0});
  }
  std::vector<StepRow> read() override { return std::exchange(found_, {}); }
  bool is_immediate() const override { return true; }

 private:
  TrainStep& step_;
  Batches& batches_;
  const TrainSettings& settings_;
  std::vector<StepRow> found_;
};

class QueuedLoop : public StepLoop {
 public:
  QueuedLoop(TrainStep& step, Batches& batches, const TrainSettings& settings, bool record)
      : step_(step),
        batches_(batches),
        settings_(settings),
        queue_(step, batches.values(), step.needs_labels() ? batches.classes() : at::Tensor(),
               {.ring_rows = StepControl::kMostSteps, .record = record}) {}

  void run(std::int64_t epoch, std::int64_t number, std::int64_t step) override {
    if (epoch != epoch_) {
      prepare(epoch);
      queue_.begin(*prepared_, number);
      prepared_.reset();
      epoch_ = epoch;
    }
    BALR_CHECK(step == epoch * batches_.count() + number);
    queue_.run();
  }
  std::vector<StepRow> read() override { return queue_.read(); }
  bool is_immediate() const override { return false; }

  void prepare(std::int64_t epoch) override {
    if (prepared_ && prepared_epoch_ == epoch) return;
    prepared_ = order_of(epoch);
    prepared_epoch_ = epoch;
  }

 private:
  EpochOrder order_of(std::int64_t epoch);

  TrainStep& step_;
  Batches& batches_;
  const TrainSettings& settings_;
  QueuedSteps queue_;
  std::int64_t epoch_ = -1, prepared_epoch_ = -1;
  std::optional<EpochOrder> prepared_;
};

// Most rows of one class. `counts`: of all classes, zeros; left so.
std::int64_t largest_class(const std::vector<std::int64_t>& labels,
                           std::vector<std::int64_t>& counts) {
  std::int64_t most = 0;
  for (const std::int64_t label : labels)
    most = std::max(most, ++counts[static_cast<std::size_t>(label)]);
  for (const std::int64_t label : labels) counts[static_cast<std::size_t>(label)] = 0;
  return most;
}

EpochOrder QueuedLoop::order_of(std::int64_t epoch) {
  const std::int64_t steps = batches_.count(), width = batches_.rows_per_step();
  EpochOrder order{at::zeros({steps, width}, at::kLong), at::empty({steps}, at::kDouble), {}, 0};
  std::vector<std::int64_t> counts(batches_.class_count());
  for (std::int64_t number = 0; number < steps; ++number) {
    const std::vector<std::int64_t> rows = batches_.rows(epoch, number);
    std::copy(rows.begin(), rows.end(), order.rows.data_ptr<std::int64_t>() + number * width);
    order.rates.data_ptr<double>()[number] =
        learning_rate_at(settings_.learning_rate, epoch * steps + number, steps, settings_.epochs);
    order.sizes.push_back(static_cast<std::int64_t>(rows.size()));
    if (!step_.needs_labels()) continue;
    const std::vector<std::int64_t> labels = batches_.labels(rows);
    step_.check(labels);
    order.largest_class = std::max(order.largest_class, largest_class(labels, counts));
  }
  return order;
}

}  // namespace

std::unique_ptr<StepLoop> make_direct_loop(TrainStep& step, Batches& batches,
                                           const TrainSettings& settings) {
  return std::make_unique<DirectLoop>(step, batches, settings);
}

std::unique_ptr<StepLoop> make_queued_loop(TrainStep& step, Batches& batches,
                                           const TrainSettings& settings, bool record) {
  return std::make_unique<QueuedLoop>(step, batches, settings, record);
}

}  // namespace balr
