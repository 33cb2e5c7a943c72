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
  EXPECT_EQ(s.learning_rate, 0.001);
  EXPECT_EQ(s.seed, 1234u);
  EXPECT_EQ(s.save_period, 0);
  EXPECT_EQ(s.log_period, 2);
  EXPECT_EQ(s.val_period, 10);
  EXPECT_EQ(s.mse_weight, 1.0);
  EXPECT_EQ(s.sampler, "balr.samplers.nxm_samplers.RandomNxMSampler");
  EXPECT_TRUE(s.shuffle);
  EXPECT_EQ(s.validation, Validation::kFull);
  EXPECT_EQ(s.batch_mode, BatchMode::kGlobal);
  EXPECT_FALSE(s.canonical_sums.has_value());
}

TEST(TrainSettings, OurKeys) {
  const TrainSettings s = settings_of({"trainer.losses=[mse]", "data.sampler=null", "trainer.validation=sampled",
                                       "trainer.batch_mode=per_rank", "trainer.canonical_sums=false", "data.sampler_rng=numpy",
                                       "trainer.losses.mse.weight=0.5"});
  EXPECT_EQ(s.sampler, "");
  EXPECT_EQ(s.validation, Validation::kSampled);
  EXPECT_EQ(s.batch_mode, BatchMode::kPerRank);
  EXPECT_EQ(s.canonical_sums, false);
  EXPECT_EQ(s.sampler_rng, "numpy");
  EXPECT_EQ(s.mse_weight, 0.5);
}

TEST(TrainSettings, RefusesWhatThisVersionCannotDo) {
  const std::vector<std::vector<std::string>> refused{
      {}, {"trainer.losses=[triplet]"}, {"trainer.losses=[mse,arcface]"}, {"trainer.losses=[]"},
      {"trainer.losses=[mse]", "trainer.epochs=0"}, {"trainer.losses=[mse]", "trainer.learning_rate=0"},
      {"trainer.losses=[mse]", "trainer.learning_rate=nan"}, {"trainer.losses=[mse]", "data.batch_size=1"},
      {"trainer.losses=[mse]", "trainer.val_period=-1"}};
  for (const auto& overrides : refused) EXPECT_THROW(settings_of(overrides), ConfigError) << (overrides.empty() ? "defaults" : overrides.back());
  try {
    settings_of({});  // the default losses are mse and triplet
  } catch (const ConfigError& e) {
    EXPECT_NE(std::string(e.what()).find("trainer.losses=[mse]"), std::string::npos);
  }
}

}  // namespace
}  // namespace balr
