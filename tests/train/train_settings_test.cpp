#include "balr/train/train_settings.hpp"

#include <gtest/gtest.h>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

TrainSettings settings_of(const std::vector<std::string>& overrides) {
  Config config;
  config.apply_overrides(overrides);
  return train_settings(config);
}

TEST(TrainSettings, TheRecipe) {
  const TrainSettings s = settings_of({"trainer.epochs=200", "trainer.losses=[mse]", "data.N_classes_per_batch=32",
                                       "data.M_samples_per_class=16", "data.batch_size=512", "data.num_workers=16"});
  EXPECT_EQ(s.epochs, 200);
  EXPECT_EQ(s.batch_size, 512);
  EXPECT_EQ(s.classes_per_batch, 32);
  EXPECT_EQ(s.samples_per_class, 16);
  // The Python balr's defaults.
  EXPECT_EQ(s.input_dim, 256);
  EXPECT_EQ(s.internal_dim, 512);
  EXPECT_EQ(s.learning_rate.rate, 0.001);
  EXPECT_EQ(s.seed, 1234u);
  EXPECT_EQ(s.save_period, 0);
  EXPECT_EQ(s.log_period, 2);
  EXPECT_EQ(s.val_period, 10);
  EXPECT_EQ(s.losses.mse_weight, 1.0);
  EXPECT_EQ(s.sampler, "balr.samplers.nxm_samplers.RandomNxMSampler");
  EXPECT_TRUE(s.shuffle);
  EXPECT_EQ(s.validation, Validation::kFull);
  EXPECT_EQ(s.batch_mode, BatchMode::kGlobal);
  EXPECT_FALSE(s.canonical_sums.has_value());
  EXPECT_FALSE(s.tf32);
  EXPECT_TRUE(s.cuda_graph);
}

TEST(TrainSettings, OurKeys) {
  const TrainSettings s = settings_of({"trainer.losses=[mse]", "data.sampler=null", "trainer.validation=sampled",
                                       "trainer.batch_mode=per_rank", "trainer.canonical_sums=false", "data.sampler_rng=numpy",
                                       "trainer.losses.mse.weight=0.5", "trainer.precision=tf32", "trainer.cuda_graph=false"});
  EXPECT_EQ(s.sampler, "");
  EXPECT_EQ(s.validation, Validation::kSampled);
  EXPECT_EQ(s.batch_mode, BatchMode::kPerRank);
  EXPECT_EQ(s.canonical_sums, false);
  EXPECT_EQ(s.sampler_rng, "numpy");
  EXPECT_EQ(s.losses.mse_weight, 0.5);
  EXPECT_TRUE(s.tf32);
  EXPECT_FALSE(s.cuda_graph);
}

TEST(TrainSettings, Losses) {
  // Without any override: the Python balr's default losses.
  const TrainSettings usual = settings_of({});
  EXPECT_EQ(usual.losses.names(), (std::vector<std::string>{"MSE", "Triplet"}));
  EXPECT_EQ(usual.losses.weights(), (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(usual.losses.triplet->margin, 0.3);
  EXPECT_EQ(usual.losses.triplet->loss_margin, 0.05);
  EXPECT_EQ(usual.losses.triplet->type, TripletType::kAll);
  // The order is always the same.
  const TrainSettings all = settings_of(
      {"trainer.losses=[arcface,sparsity,triplet,mse]", "trainer.losses.arcface.margin=0.2",
       "trainer.losses.arcface.type_of_triplets=semihard", "trainer.losses.triplet.loss_margin=0.1",
       "trainer.losses.sparsity.mode=reference", "data.M_samples_per_class=4",
       "data.batch_size=32", "trainer.seed=7"});
  EXPECT_EQ(all.losses.names(), (std::vector<std::string>{"MSE", "Triplet", "Sparsity", "ArcFace"}));
  EXPECT_EQ(all.losses.weights(), (std::vector<double>{1.0, 1.0, 0.0001, 0.001}));
  EXPECT_EQ(all.losses.arcface->margin, 0.2);
  EXPECT_EQ(all.losses.arcface->type, TripletType::kSemihard);
  EXPECT_EQ(all.losses.triplet->loss_margin, 0.1);
  EXPECT_FALSE(all.losses.sparsity->differentiable);
  EXPECT_EQ(all.losses.sparsity->group_rows, 4);
  EXPECT_EQ(all.losses.sparsity->seed, 7u);
  EXPECT_FALSE(settings_of({"trainer.losses=[triplet]"}).losses.mse_weight.has_value());
}

TEST(TrainSettings, OptionsOfTheOptimizer) {
  const TrainSettings usual = settings_of({});
  EXPECT_EQ(usual.learning_rate.schedule, Schedule::kConstant);
  EXPECT_EQ(usual.learning_rate.warmup_steps, 0);
  EXPECT_EQ(usual.clip_norm, 0.0);
  EXPECT_EQ(usual.early_stopping, 0);
  EXPECT_FALSE(usual.drop_last);
  const TrainSettings set = settings_of(
      {"trainer.schedule=cosine", "trainer.warmup_steps=10", "trainer.schedule_final=0.1",
       "trainer.clip_norm=2", "trainer.early_stopping=5", "data.drop_last=true"});
  EXPECT_EQ(set.learning_rate.schedule, Schedule::kCosine);
  EXPECT_EQ(set.learning_rate.warmup_steps, 10);
  EXPECT_EQ(set.learning_rate.final_share, 0.1);
  EXPECT_EQ(set.clip_norm, 2.0);
  EXPECT_EQ(set.early_stopping, 5);
  EXPECT_TRUE(set.drop_last);
}

TEST(TrainSettings, RefusesWhatIsNotPossible) {
  const std::vector<std::vector<std::string>> refused{
      {"trainer.losses=[]"},
      {"trainer.epochs=0"},
      {"trainer.learning_rate=0"},
      {"trainer.learning_rate=nan"},
      {"data.batch_size=1"},
      {"trainer.val_period=-1"},
      {"trainer.clip_norm=-1"},
      {"trainer.schedule_final=2"},
      {"trainer.schedule_epochs=0"},
      {"trainer.losses.triplet.type_of_triplets=hardest"},
      {"trainer.losses.triplet.weight=inf"},
      {"trainer.losses.triplet.loss_margin=0"},
      {"data.batch_size=40000", "data.N_classes_per_batch=400", "data.M_samples_per_class=100"},
      {"trainer.losses=[sparsity]", "data.sampler=null"}};
  for (const auto& overrides : refused)
    EXPECT_THROW(settings_of(overrides), ConfigError) << overrides.back();
}

}  // namespace
}  // namespace balr
