// Training steps over the nccl back end, on 1, 2 and 4 ranks. Without a GPU: a double of NCCL on
// host memory (see dist/nccl_double.hpp). With BALR_TEST_DEVICE=cuda, built without the double:
// GPUs.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "balr/bae/queued_steps.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/device.hpp"
#include "balr/dist/gpu.hpp"
#include "balr/dist/world.hpp"
#include "dist/collective_nccl.hpp"
#include "dist/device_stream.hpp"
#ifdef BALR_NCCL_DOUBLE
#include "dist/host_stream.hpp"
#endif

namespace balr {
namespace {

constexpr AutoencoderShape kShape{24, 40};
constexpr std::int64_t kRows = 640, kClasses = 64, kBatch = 64, kSteps = 10;

// MPI sums for tensors of any device: by way of the host.
class ByHost final : public Collective {
 public:
  explicit ByHost(World& world) : host_(make_collective(world, at::kCPU)) {}
  int rank() const override { return host_->rank(); }
  int size() const override { return host_->size(); }
  std::string name() const override { return host_->name(); }
  at::Tensor all_gather(const at::Tensor& mine, std::span<const std::int64_t> rows,
                        std::string_view what) override {
    return host_->all_gather(mine.cpu(), rows, what).to(mine.device());
  }
  void all_reduce_sum(at::Tensor& tensor, std::string_view what) override {
    at::Tensor copy = tensor.cpu();
    host_->all_reduce_sum(copy, what);
    tensor.copy_(copy);
  }
  void broadcast(at::Tensor& tensor, int root, std::string_view what) override {
    at::Tensor copy = tensor.cpu();
    host_->broadcast(copy, root, what);
    tensor.copy_(copy);
  }

 private:
  std::unique_ptr<Collective> host_;
};

struct Outcome {
  std::vector<StepRow> rows;
  at::Tensor weights;  // on the CPU
};

struct BackendsTest : ::testing::Test {
  void SetUp() override {
    at::set_num_threads(1);
#ifdef BALR_NCCL_DOUBLE
    all = make_nccl_collective(*world, std::make_unique<test::HostStream>());
#else
    const char* wanted = std::getenv("BALR_TEST_DEVICE");
    const char* shared = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
    const int gpus = count_gpus(), ranks = world->local_size();
    const bool share = shared && std::string_view(shared) == "1";
    if (!wanted || std::string_view(wanted) != "cuda" || gpus == 0 || (gpus < ranks && !share)) {
      std::printf(
          "skipped: there is no usable GPU for each of %d ranks (or BALR_TEST_DEVICE=cuda "
          "is not set; NCCL 2.30 with NCCL_MULTI_RANK_GPU_ENABLE=1 lets them share one)\n",
          ranks);
      GTEST_SKIP();
    }
    device = choose_device("cuda", world->local_rank(), gpus);
    use_own_stream(device);
    all = make_nccl_collective(*world, make_cuda_stream(device));
#endif
    at::Generator generator = at::detail::createCPUGenerator(3);
    values = (at::randn({kRows, kShape.input_dim}, generator, at::kFloat) * 0.5).to(device);
    classes = at::arange(kRows, at::kLong).remainder(kClasses).to(device);
  }

  TrainStepOptions options(bool all_losses, bool canonical = false) const {
    TrainStepOptions options{
        .canonical = canonical, .as_device = true, .losses = {make_mse_loss(1.0)}};
    if (!all_losses) return options;
    options.losses.push_back(make_triplet_loss({}));
    options.losses.push_back(make_sparsity_loss({.group_rows = 4}, kShape.internal_dim));
    options.losses.push_back(make_arcface_loss({.weight = 0.1, .classes = kClasses}));
    at::Generator generator = at::detail::createCPUGenerator(5);
    options.heads = {draw_arcface_head(kClasses, kShape.internal_dim, generator)};
    return options;
  }

  // `steps` steps of 64 rows, 4 of each of 16 classes, read every ten.
  Outcome train(const TrainStepOptions& options, Collective* collective, std::int64_t steps,
                bool record = false) {
    TrainStep step(Autoencoder::random(kShape, 1), device, options, collective);
    QueuedSteps queue(step, values, classes, {.record = record});
    Outcome out;
    for (std::int64_t epoch = 0; epoch * kSteps < steps; ++epoch) {
      EpochOrder order{at::empty({kSteps, kBatch}, at::kLong),
                       at::full({kSteps}, 1e-3, at::kDouble),
                       std::vector<std::int64_t>(kSteps, kBatch), 4};
      for (std::int64_t number = 0; number < kSteps; ++number)
        order.rows[number] =
            (at::arange(kBatch, at::kLong) / 4 * 3 + number * 5 + epoch).remainder(kClasses) +
            at::arange(kBatch, at::kLong).remainder(4) * kClasses * 2;
      queue.begin(order, 0);
      for (std::int64_t i = 0; i < kSteps; ++i) queue.run();
      for (StepRow& row : queue.read()) out.rows.push_back(std::move(row));
    }
    out.weights = step.model().flat().to(at::kCPU).clone();
    return out;
  }

  static void expect_close(const Outcome& a, const Outcome& b, double tolerance) {
    ASSERT_EQ(a.rows.size(), b.rows.size());
    for (std::size_t i = 0; i < a.rows.size(); ++i) {
      EXPECT_TRUE(a.rows[i].finite && b.rows[i].finite);
      EXPECT_NEAR(a.rows[i].losses[0] / b.rows[i].losses[0], 1.0, tolerance) << "step " << i;
    }
    EXPECT_LE((a.weights - b.weights).abs().max().item<double>(),
              tolerance * b.weights.abs().max().item<double>());
  }
  void expect_same_bytes(const Outcome& a, const Outcome& b) {
    ASSERT_EQ(a.rows.size(), b.rows.size());
    for (std::size_t i = 0; i < a.rows.size(); ++i)
      EXPECT_EQ(a.rows[i].losses, b.rows[i].losses) << "step " << i;
    EXPECT_TRUE(at::equal(a.weights, b.weights));
  }

  std::unique_ptr<World> world = World::start(nullptr, nullptr);
  at::Device device = at::kCPU;
  std::unique_ptr<Collective> all;
  at::Tensor values, classes;
};

TEST_F(BackendsTest, NcclAndMpiAgreeOver100Steps) {
  ByHost mpi(*world);
  const Outcome ours = train(options(false), all.get(), 100);
  expect_close(ours, train(options(false), &mpi, 100), 1e-5);
  for (const StepRow& row : ours.rows) EXPECT_GT(row.gradient_norm, 0);
  EXPECT_LT(ours.rows.back().losses[0], ours.rows.front().losses[0]);
}

TEST_F(BackendsTest, NcclAndMpiAgreeWithEveryLoss) {
  ByHost mpi(*world);
  expect_close(train(options(true), all.get(), 20), train(options(true), &mpi, 20), 1e-5);
}

TEST_F(BackendsTest, AnyNumberOfRanksAgreesWithOne) {
  expect_close(train(options(true), all.get(), 10), train(options(true), nullptr, 10), 1e-5);
}

TEST_F(BackendsTest, CanonicalSumsGiveTheBytesOfOneRank) {
  expect_same_bytes(train(options(true, true), all.get(), 50),
                    train(options(true, true), nullptr, 50));
}

#ifdef BALR_NCCL_DOUBLE
// Batch-norm's sums, those of losses and backward pass, and all gradients in one piece: no more.
TEST_F(BackendsTest, AStepTakesThreeSums) {
  using nccl_double::Call;
  TrainStep step(Autoencoder::random(kShape, 1), device, options(false), all.get());
  const auto parameters = static_cast<std::uint64_t>(step.model().flat().numel());
  nccl_double::forget_calls();
  step.run(values.narrow(0, 0, kBatch), {});
  step.run(values.narrow(0, 0, kBatch), {});
  std::vector<Call> expected;
  if (world->size() > 1)
    for (int i = 0; i < 2; ++i) {
      expected.push_back({"ncclAllReduce", 2 * 40, ncclFloat64, -1});
      expected.push_back({"ncclAllReduce", 1 + 2 * 40, ncclFloat64, -1});
      expected.push_back({"ncclAllReduce", parameters, ncclFloat32, -1});
    }
  EXPECT_EQ(nccl_double::calls(), expected);
}
#else
TEST_F(BackendsTest, RecordedAndQueuedStepsAgree) {
  for (const bool all_losses : {false, true})
    for (const bool canonical : {false, true})
      expect_close(train(options(all_losses, canonical), all.get(), 100, /*record=*/true),
                   train(options(all_losses, canonical), all.get(), 100, /*record=*/false), 1e-5);
}
#endif

}  // namespace
}  // namespace balr
