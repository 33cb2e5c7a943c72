#include "train/learning_rate.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace balr {
namespace {

TEST(LearningRate, StaysByDefault) {
  for (const std::int64_t step : {0, 1, 100, 5000})
    EXPECT_EQ(learning_rate_at({.rate = 0.001}, step, 10, 100), 0.001);
}

TEST(LearningRate, WarmsUpInEqualParts) {
  const RateSettings s{.rate = 0.5, .warmup_steps = 4};
  EXPECT_EQ(learning_rate_at(s, 0, 10, 10), 0.125);
  EXPECT_EQ(learning_rate_at(s, 2, 10, 10), 0.375);
  EXPECT_EQ(learning_rate_at(s, 3, 10, 10), 0.5);
  EXPECT_EQ(learning_rate_at(s, 4, 10, 10), 0.5);
}

TEST(LearningRate, FallsAlongACosine) {
  const RateSettings s{
      .rate = 2.0, .schedule = Schedule::kCosine, .warmup_steps = 20, .final_share = 0.25};
  for (std::int64_t step = 20; step < 200; ++step) {
    const double done = static_cast<double>(step - 20) / 180;
    EXPECT_NEAR(learning_rate_at(s, step, 20, 10),
                0.5 + 1.5 * 0.5 * (1 + std::cos(M_PI * done)), 1e-14);
  }
  EXPECT_EQ(learning_rate_at(s, 20, 20, 10), 2.0);
  EXPECT_EQ(learning_rate_at(s, 1000, 20, 10), 0.5);
}

TEST(LearningRate, DropsByEpochs) {
  const RateSettings s{
      .rate = 1.0, .schedule = Schedule::kStep, .step_epochs = 3, .step_factor = 0.5};
  EXPECT_EQ(learning_rate_at(s, 29, 10, 10), 1.0);
  EXPECT_EQ(learning_rate_at(s, 30, 10, 10), 0.5);
  EXPECT_EQ(learning_rate_at(s, 60, 10, 10), 0.25);
}

}  // namespace
}  // namespace balr
