// The canonical step of GPUs, here with ATen on the CPU: one thread, so that ATen's sums depend on
// nothing but shapes, as a GPU's do.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "bae/thread_collective.hpp"
#include "balr/bae/train_step.hpp"

namespace balr {
namespace {

using test::ThreadRanks;

struct Outcome {
  StateDict state;
  std::vector<std::vector<double>> losses;
  double validation = 0;
};

TrainStepOptions options(bool as_device) {
  at::Generator generator = at::detail::createCPUGenerator(5);
  return {.as_device = as_device,
          .losses = {make_mse_loss(1.0), make_triplet_loss({}),
                     make_sparsity_loss({.group_rows = 4}, 40),
                     make_arcface_loss({.weight = 0.1, .classes = 130})},
          .heads = {draw_arcface_head(130, 40, generator)},
          .clip_norm = 0.5};
}

Outcome train(Collective* collective, std::int64_t batch, bool as_device) {
  TrainStep step(Autoencoder::random({24, 40}, 1), at::kCPU, options(as_device), collective);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < batch; ++i) labels.push_back(i / 4 + 1);
  at::Generator generator = at::detail::createCPUGenerator(7);
  Outcome out;
  for (int i = 0; i < 5; ++i)
    out.losses.push_back(
        step.run(at::randn({batch, 24}, generator, at::kFloat) * 0.5, labels).values());
  out.validation = step.evaluate(at::randn({1300, 24}, generator, at::kFloat)).mse;
  for (const auto& [name, tensor] : step.replicated()) out.state.emplace_back(name, tensor.clone());
  for (const auto& entry : step.gather_state()) out.state.push_back(entry);
  return out;
}

struct CanonicalDevice : ::testing::Test {
  void SetUp() override {
    threads_ = at::get_num_threads();
    at::set_num_threads(1);
  }
  void TearDown() override { at::set_num_threads(threads_); }
  int threads_ = 1;
};

// 500 and 100 rows: the last block is shorter; 40: most ranks have none.
TEST_F(CanonicalDevice, SameBytesOnAnyNumberOfRanks) {
  for (const std::int64_t batch : {512, 500, 100, 40}) {
    const Outcome alone = train(nullptr, batch, true);
    for (const int size : {2, 3, 4, 8})
      ThreadRanks(size).run([&](Collective& collective) {
        const Outcome ours = train(&collective, batch, true);
        EXPECT_EQ(ours.losses, alone.losses) << batch << " rows, " << size << " ranks";
        EXPECT_EQ(ours.validation, alone.validation);
        ASSERT_EQ(ours.state.size(), alone.state.size());
        for (std::size_t i = 0; i < ours.state.size(); ++i)
          EXPECT_TRUE(at::equal(ours.state[i].second, alone.state[i].second))
              << batch << " rows, " << size << " ranks: " << ours.state[i].first;
      });
  }
}

// The same numbers as the CPU's canonical step to rounding, as long as no code has flipped.
TEST_F(CanonicalDevice, AgreesWithTheKernelsOfTheCpu) {
  const Outcome device = train(nullptr, 100, true), host = train(nullptr, 100, false);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t loss = 0; loss < device.losses[i].size(); ++loss)
      EXPECT_NEAR(device.losses[i][loss], host.losses[i][loss],
                  2e-5 * std::abs(host.losses[i][loss]))
          << i << ", " << loss;
}

}  // namespace
}  // namespace balr
