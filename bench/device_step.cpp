// Training steps queued on a device, recorded as a CUDA graph and not, in turn, on the ranks of
// mpirun; prints ms per step of rank 0. The table is random, the batches are those of the recipe.
// Usage: [mpirun -n N] bench_device_step cpu|cuda [table rows] [batch] [steps] [losses, e.g. mtsa]
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "balr/bae/queued_steps.hpp"
#include "balr/core/error.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/device.hpp"
#include "balr/dist/gpu.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

constexpr std::int64_t kStepsOfEpoch = 188, kRowsOfClass = 16;

TrainStepOptions options(const std::string& losses, std::int64_t classes, bool canonical) {
  TrainStepOptions out{.canonical = canonical, .as_device = true, .losses = {}};
  for (const char loss : losses) {
    if (loss == 'm') out.losses.push_back(make_mse_loss(1.0));
    if (loss == 't') out.losses.push_back(make_triplet_loss({}));
    if (loss == 's') out.losses.push_back(make_sparsity_loss({.group_rows = kRowsOfClass}, 512));
    if (loss != 'a') continue;
    at::Generator generator = at::detail::createCPUGenerator(5);
    out.losses.push_back(make_arcface_loss({.classes = classes}));
    out.heads = {draw_arcface_head(classes, 512, generator)};
  }
  return out;
}

// Batches of 16 rows of each class; row r is of class r / 16.
EpochOrder make_order(std::int64_t rows, std::int64_t batch) {
  EpochOrder order{at::empty({kStepsOfEpoch, batch}, at::kLong),
                   at::full({kStepsOfEpoch}, 1e-3, at::kDouble),
                   std::vector<std::int64_t>(kStepsOfEpoch, batch), kRowsOfClass};
  const std::int64_t of_epoch = rows / batch * batch;
  for (std::int64_t i = 0; i < kStepsOfEpoch; ++i)
    order.rows[i] = (at::arange(batch, at::kLong) + i * batch).remainder(of_epoch);
  return order;
}

double ms_per_step(QueuedSteps& queue, const EpochOrder& order, std::int64_t steps) {
  std::int64_t done = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (done < steps) {
    queue.begin(order, 0);
    for (std::int64_t i = 0; i < kStepsOfEpoch && done < steps; ++i, ++done) queue.run();
    queue.read();
  }
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begin;
  return passed.count() / static_cast<double>(steps);
}

void run(World& world, int argc, char** argv) {
  const auto number = [&](int at, std::int64_t otherwise) {
    return argc > at ? std::atoll(argv[at]) : otherwise;
  };
  const at::Device device =
      choose_device(argc > 1 ? argv[1] : "cpu", world.local_rank(), count_gpus());
  const std::int64_t rows = number(2, 1092009), batch = number(3, 512), steps = number(4, 1880);
  const std::string losses = argc > 5 ? argv[5] : "m";
  use_own_stream(device);
  const auto collective = make_collective(world, device);
  const at::Tensor values = at::randn({rows, 256}, at::TensorOptions(at::kFloat).device(device));
  const at::Tensor classes =
      at::arange(rows, at::TensorOptions(at::kLong).device(device)).floor_divide(kRowsOfClass);
  const EpochOrder order = make_order(rows, batch);
  for (const bool canonical : {false, true})
    for (const bool record : {true, false}) {
      if (record && !device.is_cuda()) continue;
      TrainStep step(Autoencoder::random({}, 1), device,
                     options(losses, rows / kRowsOfClass + 1, canonical), collective.get());
      QueuedSteps queue(step, values, classes, {.ring_rows = kStepsOfEpoch, .record = record});
      ms_per_step(queue, order, 10);  // first uses; the recording
      const double ms = ms_per_step(queue, order, steps);
      if (world.rank() == 0)
        std::printf("%s, %d ranks, %s sums, %s: %.4f ms a step\n", device.str().c_str(),
                    world.size(), canonical ? "canonical" : "plain",
                    record ? "recorded" : "operation by operation", ms);
    }
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  auto world = balr::World::start(&argc, &argv);
  try {
    balr::run(*world, argc, argv);
  } catch (const balr::Error& error) {
    world->abort(static_cast<int>(error.code()), error.what());
  } catch (const std::exception& error) {
    world->abort(static_cast<int>(balr::ExitCode::kInternal), error.what());
  }
}
