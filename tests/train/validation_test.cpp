#include "train/validation.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr std::int64_t kDim = 8;

// Rows by speaker, each as often as `rows` says.
Table table_of(const std::vector<std::string>& names, const std::vector<int>& rows,
                     std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  VectorTable table;
  table.dimension = kDim;
  table.label_names = names;
  for (std::size_t s = 0; s < names.size(); ++s)
    for (int i = 0; i < rows[s]; ++i) {
      const at::Tensor values = at::randn({kDim}, generator, at::kFloat);
      for (std::int64_t d = 0; d < kDim; ++d) table.values.push_back(values[d].item<float>());
      table.ids.push_back(names[s] + std::to_string(i));
      table.speakers.push_back(names[s]);
      table.labels.push_back(static_cast<std::int64_t>(s));
    }
  return make_table(std::move(table));
}

TrainSettings settings_with(LossSettings losses) {
  TrainSettings s;
  s.input_dim = kDim;
  s.internal_dim = 16;
  s.batch_size = 6;
  s.classes_per_batch = 2;
  s.samples_per_class = 3;
  s.sampler = "RandomNxMSampler";
  s.losses = std::move(losses);
  return s;
}

TrainStep step_with(std::vector<std::shared_ptr<const Loss>> losses, std::vector<at::Tensor> heads) {
  TrainStepOptions options;
  options.losses = std::move(losses);
  options.heads = std::move(heads);
  return {Autoencoder::random({kDim, 16}, 3), at::kCPU, options, nullptr};
}

TEST(Validation, SpeakersByName) {
  const Table train = table_of({"a", "b", "c"}, {2, 2, 2}, 1);
  EXPECT_EQ(training_labels(train, table_of({"c", "a"}, {1, 2}, 2)),
            (std::vector<std::int64_t>{2, 0, 0}));
  EXPECT_FALSE(training_labels(train, table_of({"c", "d"}, {1, 1}, 2)).has_value());
}

// MSE over all rows once; triplet and ArcFace over the exhaustive batches, averaged.
TEST(Validation, FullPass) {
  const Table test = table_of({"a", "b", "c"}, {7, 4, 5}, 2);
  LossSettings losses;
  losses.triplet = TripletSettings{.weight = 2.0};
  losses.arcface = ArcFaceSettings{.weight = 0.5, .classes = 3};
  const TrainSettings settings = settings_with(losses);
  Batches batches(test, settings, 1, ValidationPass::use(settings), "validation");
  EXPECT_EQ(batches.count(), 3);  // 9 + 6 + 6 rows
  at::Generator generator = at::detail::createCPUGenerator(5);
  TrainStep step =
      step_with({make_mse_loss(1.0), make_triplet_loss(*losses.triplet),
                 make_arcface_loss(*losses.arcface)},
                {draw_arcface_head(3, 16, generator)});
  double triplet = 0, arcface = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const Batch batch = batches.get(0, i);
    const auto values = step.evaluate_losses(batch.x, batch.labels, {false, true, true});
    EXPECT_TRUE(std::isnan(values[0]));
    triplet += values[1] / 3;
    arcface += values[2] / 3;
  }
  const double mse = step.evaluate(batches.values()).mse;
  for (const std::int64_t epoch : {0, 5}) {
    const auto known = ValidationPass(settings, batches, true).run(step, epoch);
    ASSERT_EQ(known.losses.size(), 4u);
    EXPECT_FLOAT_EQ(*known.losses[0], static_cast<float>(mse + 2 * triplet + 0.5 * arcface));
    EXPECT_FLOAT_EQ(*known.losses[1], static_cast<float>(mse));
    EXPECT_FLOAT_EQ(*known.losses[2], static_cast<float>(triplet));
    EXPECT_FLOAT_EQ(*known.losses[3], static_cast<float>(arcface));
  }
  const auto foreign = ValidationPass(settings, batches, false).run(step, 0);
  EXPECT_FLOAT_EQ(*foreign.losses[0], static_cast<float>(mse + 2 * triplet));
  EXPECT_FALSE(foreign.losses[3].has_value());
}

TEST(Validation, SampledPass) {
  const Table test = table_of({"a", "b", "c", "d"}, {7, 4, 5, 3}, 2);
  TrainSettings settings = settings_with({});
  settings.validation = Validation::kSampled;
  Batches batches(test, settings, 1, ValidationPass::use(settings), "validation");
  ASSERT_EQ(batches.count(), 2);
  TrainStep step = step_with({make_mse_loss(1.0)}, {});
  double mse = 0;
  for (std::int64_t i = 0; i < 2; ++i) mse += step.evaluate(batches.get(4, i).x).mse / 2;
  const auto result = ValidationPass(settings, batches, true).run(step, 4);
  EXPECT_FLOAT_EQ(*result.losses[1], static_cast<float>(mse));
}

TEST(Validation, CodeUse) {
  const CodeUse use = code_use({0, 4, 2, 1}, 4);
  EXPECT_DOUBLE_EQ(use.always_on, 0.25);
  EXPECT_DOUBLE_EQ(use.never_on, 0.25);
  EXPECT_NEAR(use.entropy, (0 + 0 + 1 + 0.8112781244591328) / 4, 1e-12);
}

TEST(Batches, RefusesWhatCannotBeTrained) {
  TrainSettings s = settings_with({});
  EXPECT_THROW(Batches(table_of({"a"}, {9}, 1), s, 1, BatchUse::kSampled, "training"), DataError);
  EXPECT_THROW(Batches(table_of({"a", "b"}, {1, 0}, 1), s, 1, BatchUse::kNone, "validation"),
               DataError);
  s.sampler = "";
  Batches(table_of({"a"}, {9}, 1), s, 1, BatchUse::kSampled, "training");
  s.losses.triplet = TripletSettings{};
  EXPECT_THROW(Batches(table_of({"a"}, {9}, 1), s, 1, BatchUse::kSampled, "training"), DataError);
  s.losses.triplet.reset();
  // 7 rows in batches of 6: one row is left.
  EXPECT_THROW(Batches(table_of({"a"}, {7}, 1), s, 1, BatchUse::kSampled, "training"), DataError);
  s.drop_last = true;
  EXPECT_EQ(Batches(table_of({"a"}, {7}, 1), s, 1, BatchUse::kSampled, "training").count(), 1);
  s.batch_size = 600;
  EXPECT_EQ(Batches(table_of({"a"}, {7}, 1), s, 1, BatchUse::kSampled, "training").count(), 1);
  s.sampler = "RandomNxMSampler";
  s.classes_per_batch = 3;
  s.batch_size = 9;
  EXPECT_EQ(Batches(table_of({"a", "b", "c", "d"}, {1, 1, 1, 1}, 1), s, 1, BatchUse::kSampled,
                    "training")
                .count(),
            1);
}

}  // namespace
}  // namespace balr
