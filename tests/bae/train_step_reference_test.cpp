// The training step against numbers of the Python balr (golden files bae.h5 and training.h5).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "bae/forward.hpp"
#include "bae/golden_tensor.hpp"
#include "balr/bae/train_step.hpp"

namespace balr {
namespace {

using test::differences;
using test::read_floats;

namespace fs = std::filesystem;

TrainStepOptions mse_options(bool canonical) {
  return {
      .learning_rate = 1e-3, .canonical = canonical, .threads = {}, .losses = {make_mse_loss(1.0)}};
}

fs::path bae_file() { return test::test_data_folder() / "golden/bae.h5"; }
fs::path training_file() { return test::test_data_folder() / "golden/training.h5"; }

std::unique_ptr<StepOps> make_ops(bool canonical) {
  return canonical ? make_canonical_ops(nullptr, {}) : make_device_ops(nullptr);
}

TEST(Forward, TrainModeEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const at::Tensor x = read_floats(bae_file(), "batch/x");
  for (const bool canonical : {true, false}) {
    const Autoencoder model = Autoencoder::random({}, 1234);
    const auto ops = make_ops(canonical);
    const auto matrix = [&](std::int64_t cols) { return at::empty({64, cols}, at::kFloat); };
    const Activations a{matrix(512), matrix(512), matrix(512),
                        matrix(512), matrix(512), matrix(256)};
    const Parameters parameters(model);
    const BatchPlan plan = ops->plan(64);
    const at::Tensor partials = at::empty({plan.blocks, 1024}, at::kDouble);
    forward_hidden(parameters, x, a, *ops);
    ops->moments(a.hidden, plan, partials);
    const BatchStatistics statistics = ops->statistics(ops->total(partials, plan, "test"), 64);
    forward_rest(parameters, statistics, a, *ops);
    ops->update_running(statistics, 64, at::scalar_tensor(true, at::kBool), model.running_mean(),
                        model.running_var(), model.batches_tracked());
    EXPECT_LT(differences(bae_file(), "forward/recon", a.recon, 0).back(), 5e-6);
    EXPECT_LT(differences(bae_file(), "forward/Z", a.z, 0).back(), 8e-6);
    EXPECT_EQ(differences(bae_file(), "forward/b", a.codes, 0).back(), 0.0);
    EXPECT_LT(
        differences(bae_file(), "forward/encoder.2.running_mean", model.running_mean(), 0).back(),
        3e-7);
    EXPECT_LT(
        differences(bae_file(), "forward/encoder.2.running_var", model.running_var(), 0).back(),
        3e-7);
    EXPECT_EQ(model.batches_tracked().item<std::int64_t>(), 1);
  }
}

// Adam's first moment after one step from zero is a tenth of the gradient.
TEST(TrainStep, GradientsEqualTheReference) {
  BALR_NEEDS_TEST_DATA();
  const at::Tensor x = read_floats(bae_file(), "batch/x");
  for (const bool canonical : {true, false}) {
    const Autoencoder model = Autoencoder::random({}, 1234);
    TrainStep step(model, at::kCPU, mse_options(canonical), nullptr);
    const StepResult result = step.run(x, {});
    ASSERT_TRUE(result.finite());
    EXPECT_NEAR(result.values()[0] / test::read_double(bae_file(), "grad/mse/total").values.at(0),
                1.0, 3e-7);
    for (const auto& [name, moment] : step.gather_state()) {
      const std::string prefix = "exp_avg.";
      if (!name.starts_with(prefix)) continue;
      const at::Tensor gradient = moment / 0.1;
      const double scale = test::largest_magnitude(gradient);
      EXPECT_LT(
          differences(bae_file(), "grad/mse/" + name.substr(prefix.size()), gradient, 1e-4 * scale)
              .back(),
          5e-6 * scale)
          << name << (canonical ? " canonical" : " device");
    }
  }
}

// Largest and 99 % differences allowed of weights, statistics, Adam's moments (relative): golden
// README, section 7, times 4.
struct Allowed {
  double weight, weight99, statistics, first, second;
};
Allowed allowed_at(int step) {
  if (step == 1) return {2e-4, 4e-7, 3e-7, 8e-6, 1.2e-5};
  if (step == 10) return {2e-4, 1.2e-6, 6e-6, 1.2e-4, 6e-5};
  return {2e-3, 2e-4, 1.5e-4, 0.4, 3.2e-2};
}

void expect_state(TrainStep& step, int number) {
  const Allowed allowed = allowed_at(number);
  const std::string group = "mse/step" + std::to_string(number) + "/";
  const double sums = number == 60 ? 2e-2 : 2e-3;  // of 256 to 512 weights
  for (const auto& [name, tensor] : step.model().state_dict()) {
    const std::vector<double> d = differences(training_file(), group + name, tensor, sums);
    if (name.find("running") != std::string::npos) {
      EXPECT_LT(d.back(), allowed.statistics) << name << " at step " << number;
    } else {
      EXPECT_LT(d.back(), allowed.weight) << name << " at step " << number;
      EXPECT_LT(d[d.size() * 99 / 100], allowed.weight99) << name << " at step " << number;
    }
  }
  for (const auto& [name, tensor] : step.gather_state()) {
    if (name == "step") continue;
    const bool first = name.starts_with("exp_avg.");
    const std::string parameter = name.substr(name.find('.') + 1);
    const double scale = test::largest_magnitude(tensor),
                 limit = (first ? allowed.first : allowed.second) * scale;
    EXPECT_LT(differences(training_file(),
                          group + "adam/" + parameter + (first ? "/exp_avg" : "/exp_avg_sq"),
                          tensor, 30 * limit)
                  .back(),
              limit)
        << name << " at step " << number;
  }
}

TEST(TrainStep, TrajectoryOfTheReference) {
  BALR_NEEDS_TEST_DATA();
  const at::Tensor x = read_floats(training_file(), "train/x"),
                   validation = read_floats(training_file(), "val/x");
  const at::Tensor order = test::read_tensor(training_file(), "order").to(at::kLong);
  const at::Tensor losses = test::read_tensor(training_file(), "mse/losses");
  const auto expected_validation = test::read_double(training_file(), "mse/val_losses").values;
  for (const bool canonical : {true, false}) {
    TrainStep step(Autoencoder::random({}, 1234), at::kCPU, mse_options(canonical), nullptr);
    for (int i = 0; i < 60; ++i) {
      const StepResult result = step.run(x.index_select(0, order[i]), {});
      ASSERT_TRUE(result.finite());
      for (const int column : {0, 1})
        EXPECT_NEAR(
            result.values()[static_cast<std::size_t>(column)] / losses[i][column].item<double>(),
            1.0, i < 10 ? 5e-6 : 3e-2)
            << "step " << i + 1;
      if (i == 0 || i == 9 || i == 59) expect_state(step, i + 1);
    }
    EXPECT_EQ(step.model().batches_tracked().item<std::int64_t>(), 60);
    // the reference averages the means of 5 batches of 32 rows: the mean of all
    EXPECT_NEAR(step.evaluate(validation) / expected_validation[0], 1.0, 3e-2);
  }
}

}  // namespace
}  // namespace balr
