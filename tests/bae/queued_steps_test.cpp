// Steps as a queue on a device, here the CPU: the same code that a GPU runs, but for the recording.
#include "balr/bae/queued_steps.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <mutex>
#include <set>

#include "bae/thread_collective.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

using test::ThreadRanks;

constexpr AutoencoderShape kShape{24, 40};
constexpr std::int64_t kRows = 300, kClasses = 30, kBatch = 40;  // 10 classes of 4 rows

struct Data {
  at::Tensor values, classes;
};

Data data() {
  at::Generator generator = at::detail::createCPUGenerator(3);
  return {at::randn({kRows, kShape.input_dim}, generator, at::kFloat) * 0.5,
          at::arange(kRows, at::kLong).remainder(kClasses)};
}

TrainStepOptions options(bool all_losses) {
  TrainStepOptions options{.canonical = false, .losses = {make_mse_loss(1.0)}};
  if (!all_losses) return options;
  options.losses.push_back(make_triplet_loss({}));
  options.losses.push_back(make_sparsity_loss({.group_rows = 4}, kShape.internal_dim));
  options.losses.push_back(make_arcface_loss({.weight = 0.1, .classes = kClasses}));
  at::Generator generator = at::detail::createCPUGenerator(5);
  options.heads = {draw_arcface_head(kClasses, kShape.internal_dim, generator)};
  options.clip_norm = 0.5;
  return options;
}

// Batch `number`: 4 rows of each of 10 classes, in mixed order; the last has 20 rows.
EpochOrder order(std::int64_t epoch, std::int64_t steps) {
  EpochOrder out{at::zeros({steps, kBatch}, at::kLong), at::zeros({steps}, at::kDouble), {}, 4};
  for (std::int64_t number = 0; number < steps; ++number) {
    const std::int64_t rows = number + 1 == steps ? kBatch / 2 : kBatch;
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t klass = (number * 7 + epoch * 3 + i % (rows / 4) * 3) % kClasses;
      out.rows[number][i] = klass + kClasses * (i / (rows / 4) * 2 + epoch % 2);
    }
    out.rates[number] = 1e-3 / static_cast<double>(1 + number);
    out.sizes.push_back(rows);
  }
  return out;
}

struct Outcome {
  std::vector<StepRow> rows;
  StateDict weights;
};

constexpr std::int64_t kEpochs = 2, kSteps = 5;

// Reads after every `between` steps.
Outcome run_queued(bool all_losses, Collective* collective, std::int64_t between) {
  const Data d = data();
  TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(all_losses), collective);
  QueuedSteps queue(step, d.values, d.classes, {.ring_rows = between + 2});
  Outcome outcome;
  const auto read = [&] {
    for (StepRow& row : queue.read()) outcome.rows.push_back(std::move(row));
  };
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    queue.begin(order(epoch, kSteps), 0);
    for (std::int64_t number = 0; number < kSteps; ++number) {
      queue.run();
      if (queue.unread() >= between) read();
    }
    read();
  }
  for (const auto& [name, tensor] : step.replicated())
    outcome.weights.emplace_back(name, tensor.clone());
  return outcome;
}

Outcome run_directly(bool all_losses, Collective* collective) {
  const Data d = data();
  TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(all_losses), collective);
  Outcome outcome;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const EpochOrder plan = order(epoch, kSteps);
    for (std::int64_t number = 0; number < kSteps; ++number) {
      const at::Tensor rows =
          plan.rows[number].narrow(0, 0, plan.sizes[static_cast<std::size_t>(number)]);
      const at::Tensor classes = d.classes.index_select(0, rows);
      step.set_learning_rate(plan.rates[number].item<double>());
      const StepResult result = step.run(
          d.values.index_select(0, rows),
          {classes.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(rows.numel())}, true);
      outcome.rows.push_back(
          {result.values(), result.finite(), result.gradient_norm.item<double>()});
    }
  }
  for (const auto& [name, tensor] : step.replicated())
    outcome.weights.emplace_back(name, tensor.clone());
  return outcome;
}

void expect_equal(const Outcome& a, const Outcome& b) {
  ASSERT_EQ(a.rows.size(), b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    EXPECT_EQ(a.rows[i].losses, b.rows[i].losses) << "step " << i;
    EXPECT_EQ(a.rows[i].finite, b.rows[i].finite);
    EXPECT_EQ(a.rows[i].gradient_norm, b.rows[i].gradient_norm);
  }
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i)
    EXPECT_TRUE(at::equal(a.weights[i].second, b.weights[i].second)) << a.weights[i].first;
}

TEST(QueuedSteps, EqualStepsWhoseInputsComeFromTheHost) {
  for (const bool all_losses : {false, true}) {
    const Outcome direct = run_directly(all_losses, nullptr);
    EXPECT_EQ(direct.rows.size(), static_cast<std::size_t>(kEpochs * kSteps));
    for (const std::int64_t between : {1, 2, 3, 100})
      expect_equal(direct, run_queued(all_losses, nullptr, between));
  }
}

TEST(QueuedSteps, EqualOnSeveralRanks) {
  for (const int size : {2, 3, 4}) {
    std::vector<Outcome> queued(static_cast<std::size_t>(size));
    std::vector<Outcome> direct(static_cast<std::size_t>(size));
    ThreadRanks(size).run([&](Collective& all) {
      const auto rank = static_cast<std::size_t>(all.rank());
      queued[rank] = run_queued(true, &all, 3);
      direct[rank] = run_directly(true, &all);
    });
    for (const Outcome& outcome : queued) expect_equal(direct[0], outcome);
  }
}

// What a resumed run does.
TEST(QueuedSteps, AnEpochCanBeginInItsMiddle) {
  const Data d = data();
  const auto rows_from = [&](std::int64_t first, std::int64_t runs) {
    TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(false), nullptr);
    QueuedSteps queue(step, d.values, d.classes, {});
    queue.begin(order(0, kSteps), first);
    for (std::int64_t i = 0; i < runs; ++i) queue.run();
    return queue.read();
  };
  const std::vector<StepRow> one = rows_from(3, 1);
  TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(false), nullptr);
  step.set_learning_rate(order(0, kSteps).rates[3].item<double>());
  const at::Tensor x = d.values.index_select(0, order(0, kSteps).rows[3]);
  EXPECT_EQ(one.at(0).losses, step.run(x, {}).values());
}

// The step with the NaN is the one that is named, it changes nothing, and the next go on from
// there.
TEST(QueuedSteps, AStepThatIsNotFiniteIsNamedAndChangesNothing) {
  for (const int size : {1, 3})
    ThreadRanks(size).run([&](Collective& all) {
      Data d = data();
      const EpochOrder plan = order(0, kSteps);
      at::Tensor poisoned = d.values.clone();
      poisoned[plan.rows[2][kBatch - 1].item<std::int64_t>()][5] =
          std::numeric_limits<float>::quiet_NaN();
      const auto weights_after = [&](const at::Tensor& values, std::int64_t steps,
                                     std::vector<StepRow>& rows) {
        TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(true), &all);
        QueuedSteps queue(step, values, d.classes, {});
        queue.begin(plan, 0);
        for (std::int64_t i = 0; i < steps; ++i) queue.run();
        rows = queue.read();
        return step.model().flat().clone();
      };
      std::vector<StepRow> rows, before;
      const at::Tensor bad = weights_after(poisoned, 3, rows);
      ASSERT_EQ(rows.size(), 3u);
      EXPECT_TRUE(rows[0].finite && rows[1].finite);
      EXPECT_FALSE(rows[2].finite);
      EXPECT_TRUE(std::isnan(rows[2].losses[0]));
      EXPECT_TRUE(at::equal(bad, weights_after(d.values, 2, before)));
    });
}

TEST(QueuedSteps, TheRingIsReadBeforeItIsFull) {
  const Data d = data();
  TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(false), nullptr);
  QueuedSteps queue(step, d.values, {}, {.ring_rows = 2});
  queue.begin(order(0, kSteps), 0);
  queue.run();
  queue.run();
  EXPECT_THROW(queue.run(), std::exception);
  EXPECT_THROW(queue.begin(order(0, kSteps), 0), std::exception);
  EXPECT_EQ(queue.read().size(), 2u);
  EXPECT_EQ(queue.read().size(), 0u);
  queue.run();
  EXPECT_EQ(queue.read().size(), 1u);
}

// Names of the operations that ATen dispatched while it lived.
class Dispatched {
 public:
  Dispatched() {
    active() = this;
    handle_ = at::addGlobalCallback(at::RecordFunctionCallback(
                                        [](const at::RecordFunction& f) {
                                          Dispatched* self = active();
                                          const std::string name = f.name();
                                          const std::lock_guard lock(self->mutex_);
                                          // The CPU's fused Adam reads the learning rate; CUDA's
                                          // takes it from the device.
                                          if (name == "aten::_fused_adam_") self->in_adam_ = true;
                                          if (!self->in_adam_)
                                            self->names_.insert(name), ++self->count_;
                                          return std::unique_ptr<at::ObserverContext>();
                                        },
                                        [](const at::RecordFunction& f, at::ObserverContext*) {
                                          if (std::string(f.name()) == "aten::_fused_adam_")
                                            active()->in_adam_ = false;
                                        })
                                        .scopes({at::RecordScope::FUNCTION}));
  }
  ~Dispatched() { at::removeCallback(handle_); }
  const std::set<std::string>& names() const { return names_; }
  int count() const { return count_; }

 private:
  static Dispatched*& active() {
    static Dispatched* one = nullptr;
    return one;
  }
  at::CallbackHandle handle_ = 0;
  std::mutex mutex_;
  std::set<std::string> names_;
  bool in_adam_ = false;
  int count_ = 0;
};

// Operations that wait for a device, since the host needs a value or a size of the result, or whose
// numbers come from the host. None of them may be in a step that is recorded.
TEST(QueuedSteps, AStepNeverAsksTheDevice) {
  const std::set<std::string> waits = {
      "aten::item",      "aten::_local_scalar_dense", "aten::is_nonzero",        "aten::equal",
      "aten::nonzero",   "aten::masked_select",       "aten::repeat_interleave", "aten::unique_dim",
      "aten::_unique2",  "aten::unique_consecutive",  "aten::bincount",          "aten::histc",
      "aten::lift_fresh"};
  for (const bool all_losses : {false, true}) {
    const Data d = data();
    TrainStep step(Autoencoder::random(kShape, 1), at::kCPU, options(all_losses), nullptr);
    QueuedSteps queue(step, d.values, d.classes, {});
    queue.begin(order(0, kSteps), 0);
    queue.run();
    const Dispatched seen;
    queue.run();
    EXPECT_TRUE(seen.names().contains("aten::addmm") || seen.names().contains("aten::mm"));
    for (const std::string& name : seen.names()) EXPECT_FALSE(waits.contains(name)) << name;
    RecordProperty(all_losses ? "operations_all_losses" : "operations_mse", seen.count());
    std::printf("%d operations in a step\n", seen.count());
  }
}

}  // namespace
}  // namespace balr
