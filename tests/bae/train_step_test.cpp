#include "balr/bae/train_step.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "bae/golden_tensor.hpp"
#include "bae/thread_collective.hpp"
#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

using test::ThreadRanks;

TrainStepOptions mse_options(bool canonical, const Threads& threads = {}) {
  return {.learning_rate = 1e-3,
          .canonical = canonical,
          .threads = threads,
          .losses = {make_mse_loss(1.0)}};
}

at::Tensor made_up(std::int64_t rows, std::int64_t dim, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn({rows, dim}, generator, at::kFloat) * 0.5;
}

// Autograd of ATen in float64 over a plain statement of the model.
TEST(TrainStep, GradientsEqualAutograd) {
  const AutoencoderShape shape{12, 40};
  const Autoencoder model = Autoencoder::random(shape, 9);
  const at::Tensor x = made_up(50, 12, 4);
  std::map<std::string, at::Tensor> p;
  for (const auto& [name, tensor] : model.state_dict())
    if (name.find("running") == std::string::npos && name.find("tracked") == std::string::npos)
      p[name] = tensor.to(at::kDouble).clone().set_requires_grad(true);
  const at::Tensor input = x.to(at::kDouble);
  const at::Tensor hidden = at::relu(at::linear(input, p["encoder.0.weight"], p["encoder.0.bias"]));
  const at::Tensor normalized = (hidden - hidden.mean(0)) /
                                    (hidden.var(0, /*unbiased=*/false) + 1e-5).sqrt() *
                                    p["encoder.2.weight"] +
                                p["encoder.2.bias"];
  const at::Tensor z = at::linear(normalized, p["encoder.3.weight"], p["encoder.3.bias"]).tanh();
  const at::Tensor codes =
      z + (z.gt(0).to(at::kDouble) - z).detach();  // its gradient passes; it stays below 1 here
  const at::Tensor recon =
      at::linear(at::linear(codes, p["decoder.0.weight"], p["decoder.0.bias"]).tanh(),
                 p["decoder.2.weight"], p["decoder.2.bias"]);
  const at::Tensor loss = (recon - input).square().mean();
  loss.backward();
  for (const bool canonical : {true, false}) {
    TrainStep step(model, at::kCPU, mse_options(canonical), nullptr);
    EXPECT_NEAR(step.run(x, {}).values()[1], loss.item<double>(), 1e-6);
    for (const auto& [name, moment] : step.gather_state()) {
      if (!name.starts_with("exp_avg.")) continue;
      const at::Tensor expected = p[name.substr(8)].grad();
      EXPECT_LT((moment / 0.1 - expected).abs().max().item<double>(),
                1e-5 * test::largest_magnitude(expected))
          << name;
    }
  }
}

struct Outcome {
  StateDict model, state;
  std::vector<std::vector<double>> losses;
  double validation = 0;
};

constexpr int kSteps = 4;

Outcome train(Collective* collective, const Threads& threads, const AutoencoderShape& shape,
              std::int64_t batch, bool canonical) {
  TrainStep step(Autoencoder::random(shape, 1234), at::kCPU, mse_options(canonical, threads),
                 collective);
  Outcome outcome;
  for (int i = 0; i < kSteps; ++i)
    outcome.losses.push_back(
        step.run(made_up(batch, shape.input_dim, static_cast<std::uint64_t>(i)), {}).values());
  outcome.validation = step.evaluate(made_up(1234, shape.input_dim, 99)).mse;
  outcome.model = Autoencoder(step.model()).state_dict();
  outcome.state = step.gather_state();
  return outcome;
}

void expect_same_bytes(const Outcome& a, const Outcome& b, const std::string& what) {
  const auto same = [&](const StateDict& x, const StateDict& y) {
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(std::memcmp(x[i].second.data_ptr(), y[i].second.data_ptr(), x[i].second.nbytes()),
                0)
          << what << ": " << x[i].first;
  };
  same(a.model, b.model);
  same(a.state, b.state);
  EXPECT_EQ(a.losses, b.losses) << what;
  EXPECT_EQ(a.validation, b.validation) << what;
}

TEST(TrainStep, SameBytesOnAnyNumberOfRanksAndThreads) {
  struct Case {
    AutoencoderShape shape;
    std::int64_t batch;
  };
  const std::vector<Case> cases = {{{}, 64},    {{}, 512},       {{32, 72}, 100}, {{24, 40}, 17},
                                   {{7, 5}, 2}, {{33, 65}, 512}, {{20, 16}, 1000}};
  for (const Case& c : cases) {
    const Outcome alone = train(nullptr, {}, c.shape, c.batch, true);
    EXPECT_LT(alone.losses.back()[0], alone.losses.front()[0] * 1.5);
    const bool large = c.shape.internal_dim == 512;
    for (const int size : large ? std::vector<int>{1, 3, 8} : std::vector<int>{1, 2, 3, 4, 8, 11})
      for (const int threads : {1, 2}) {
        if (large && threads == 2 && size == 3) continue;
        std::vector<Outcome> outcomes(static_cast<std::size_t>(size));
        ThreadRanks(size).run([&](Collective& collective) {
          ThreadPool pool(threads);
          outcomes[static_cast<std::size_t>(collective.rank())] =
              train(&collective, {threads, pool.runner()}, c.shape, c.batch, true);
        });
        for (const Outcome& outcome : outcomes)
          expect_same_bytes(alone, outcome,
                            std::to_string(c.batch) + " rows, " + std::to_string(size) +
                                " ranks, " + std::to_string(threads) + " threads");
      }
  }
}

TEST(TrainStep, DeviceStepAgreesWithTheCanonicalOne) {
  const AutoencoderShape shape{24, 40};
  for (const std::int64_t batch : {17, 64}) {
    const Outcome canonical = train(nullptr, {}, shape, batch, true);
    for (const int size : {1, 2, 3}) {
      std::vector<Outcome> outcomes(static_cast<std::size_t>(size));
      ThreadRanks(size).run([&](Collective& collective) {
        outcomes[static_cast<std::size_t>(collective.rank())] =
            train(&collective, {}, shape, batch, false);
      });
      for (const Outcome& outcome : outcomes) {
        expect_same_bytes(outcomes[0], outcome, "rank against rank");  // all ranks hold one model
        for (int i = 0; i < kSteps; ++i)
          EXPECT_NEAR(outcome.losses[static_cast<std::size_t>(i)][0] /
                          canonical.losses[static_cast<std::size_t>(i)][0],
                      1.0, 5e-6);
        EXPECT_NEAR(outcome.validation / canonical.validation, 1.0, 5e-6);
      }
    }
  }
}

// A NaN or infinity in one row, or gradients beyond all bounds: no rank changes anything.
TEST(TrainStep, NonFiniteStepsChangeNothing) {
  const AutoencoderShape shape{24, 40};
  for (const bool canonical : {true, false})
    for (const float poison :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f})
      for (const int size : {1, 3, 8})
        ThreadRanks(size).run([&](Collective& collective) {
          TrainStep step(Autoencoder::random(shape, 1), at::kCPU, mse_options(canonical),
                         &collective);
          EXPECT_TRUE(step.run(made_up(64, 24, 1), {}).finite());
          const Autoencoder before = step.model();
          const StateDict state = step.gather_state();
          at::Tensor bad = made_up(64, 24, 2);
          bad[63][5] = poison;  // the last rank's
          EXPECT_FALSE(step.run(bad, {}).finite());
          const StateDict model_now = step.model().state_dict(), model_then = before.state_dict(),
                          state_now = step.gather_state();
          for (std::size_t i = 0; i < model_now.size(); ++i)
            EXPECT_TRUE(at::equal(model_now[i].second, model_then[i].second)) << model_now[i].first;
          for (std::size_t i = 0; i < state.size(); ++i)
            EXPECT_TRUE(at::equal(state_now[i].second, state[i].second)) << state[i].first;
          EXPECT_TRUE(step.run(made_up(64, 24, 3), {}).finite());
        });
}

// The last output feature is huge and nothing else depends on it, so only its gradients are beyond
// all bounds, and only the last of the canonical ranks owns them: the others must hear of it.
TEST(TrainStep, OneRankAloneStopsTheUpdate) {
  const AutoencoderShape shape{24, 40};
  const Autoencoder model = Autoencoder::random(shape, 1);
  model.parameter("decoder.2.bias")[23] = 2e21;
  model.parameter("decoder.2.weight").select(0, 23).zero_();
  const at::Tensor x = made_up(64, 24, 2);
  for (const bool canonical : {true, false})
    ThreadRanks(3).run([&](Collective& collective) {
      TrainStep step(model, at::kCPU, mse_options(canonical), &collective);
      const StepResult result = step.run(x, {});
      // ATen squares in float32: infinity there
      EXPECT_EQ(std::isfinite(result.values()[0]), canonical);
      EXPECT_FALSE(result.finite()) << "rank " << collective.rank();
      EXPECT_TRUE(at::equal(step.model().flat(), model.flat()));
      EXPECT_EQ(step.gather_state()[0].second.item<double>(), 0.0);
    });
}

// All losses on batches of 100 rows, 4 of each of 25 classes; ArcFace's matrix is 30 x 40.
TrainStepOptions all_options() {
  TrainStepOptions options = mse_options(true);
  options.losses.push_back(make_triplet_loss({}));
  options.losses.push_back(make_sparsity_loss({.group_rows = 4}, 40));
  options.losses.push_back(make_arcface_loss({.weight = 0.1, .classes = 30}));
  options.heads = {made_up(30, 40, 17)};
  options.clip_norm = 0.05;
  return options;
}
std::vector<std::int64_t> four_of_each() {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 100; ++i) labels.push_back(i / 4 + 5);
  return labels;
}

// Saved on three ranks, loaded on two: the weights of an uninterrupted run.
TEST(TrainStep, StateMovesBetweenNumbersOfRanks) {
  const AutoencoderShape shape{24, 40};
  const std::vector<std::int64_t> labels = four_of_each();
  for (const TrainStepOptions& options : {mse_options(true), all_options()}) {
    StateDict model, state;
    const auto run = [&](TrainStep& step, int from, int to) {
      for (int i = from; i < to; ++i)
        step.run(made_up(100, 24, static_cast<std::uint64_t>(i)), labels);
    };
    TrainStep straight(Autoencoder::random(shape, 1), at::kCPU, options, nullptr);
    run(straight, 0, 6);
    ThreadRanks(3).run([&](Collective& collective) {
      TrainStep step(Autoencoder::random(shape, 1), at::kCPU, options, &collective);
      run(step, 0, 3);
      const StateDict gathered = step.gather_state();
      if (collective.rank() == 1) model = Autoencoder(step.model()).state_dict(), state = gathered;
    });
    ThreadRanks(2).run([&](Collective& collective) {
      TrainStepOptions other = options;
      for (at::Tensor& head : other.heads) head = at::zeros_like(head);  // the state has it
      TrainStep step(Autoencoder::from_state_dict(model), at::kCPU, other, &collective);
      step.load_state(state);
      run(step, 3, 6);
      const StateDict now = step.replicated(), expected = straight.replicated();
      ASSERT_EQ(now.size(), 13 + options.heads.size());
      for (std::size_t i = 0; i < now.size(); ++i)
        EXPECT_TRUE(at::equal(now[i].second, expected[i].second)) << now[i].first;
      EXPECT_EQ(step.gather_state()[0].second.item<double>(), 6.0);
    });
    state.pop_back();
    EXPECT_THROW(straight.load_state(state), DataError);
  }
}

// The gradient that Adam's first moment shows is as long as allowed, in the same direction.
TEST(TrainStep, ClippingShortensTheGradient) {
  const std::vector<std::int64_t> labels = four_of_each();
  for (const bool canonical : {true, false}) {
    StateDict moments[2];
    double norm = 0;
    for (const bool clips : {false, true}) {
      TrainStepOptions options = all_options();
      options.canonical = canonical;
      if (!clips) options.clip_norm = 0;
      TrainStep step(Autoencoder::random({24, 40}, 1), at::kCPU, options, nullptr);
      norm = step.run(made_up(100, 24, 1), labels, true).gradient_norm.item<double>();
      moments[clips] = step.gather_state();
    }
    ASSERT_GT(norm, 0.1);
    double squares = 0;
    for (std::size_t i = 0; i < moments[0].size(); ++i) {
      if (!moments[0][i].first.starts_with("exp_avg.")) continue;
      const at::Tensor whole = moments[0][i].second, clipped = moments[1][i].second;
      squares += (clipped / 0.1).to(at::kDouble).square().sum().item<double>();
      EXPECT_LT((clipped - whole * (0.05 / norm)).abs().max().item<double>(),
                1e-6 * whole.abs().max().item<double>());
    }
    EXPECT_NEAR(std::sqrt(squares), 0.05, 1e-6);
  }
}

TEST(TrainStep, OneRowIsRefused) {
  TrainStep step(Autoencoder::random({8, 8}, 1), at::kCPU, mse_options(true), nullptr);
  EXPECT_THROW(step.run(made_up(1, 8, 1), {}), DataError);
}

TEST(TrainStep, WeightScalesTheTotalOnly) {
  TrainStepOptions options = mse_options(true);
  options.losses = {make_mse_loss(2.5)};
  TrainStep step(Autoencoder::random({8, 8}, 1), at::kCPU, options, nullptr);
  const std::vector<double> values = step.run(made_up(20, 8, 1), {}).values();
  ASSERT_EQ(values.size(), 2u);
  EXPECT_DOUBLE_EQ(values[0], 2.5 * values[1]);
}

TEST(Evaluate, EveryRowOnce) {
  const Autoencoder model = Autoencoder::random({16, 24}, 1);
  for (const std::int64_t rows : {1, 511, 513, 1500}) {
    const at::Tensor x = made_up(rows, 16, 5);
    const double expected =
        (infer(model, x).recon.to(at::kDouble) - x).square().mean().item<double>();
    for (const bool canonical : {true, false}) {
      TrainStep step(model, at::kCPU, mse_options(canonical), nullptr);
      EXPECT_NEAR(step.evaluate(x).mse / expected, 1.0, 1e-6) << rows;
    }
  }
}

}  // namespace
}  // namespace balr
