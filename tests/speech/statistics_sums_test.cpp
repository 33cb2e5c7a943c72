#include "speech/statistics_sums.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace balr {
namespace {

TEST(StatisticsSumsTest, MeanAndDeviationByDefinition) {
  const float rows[4][3] = {
      {1, 0.5f, 1000}, {2, 0.5f, 1000.25f}, {4, 0.5f, 1000.5f}, {9, 0.5f, 1000.25f}};
  StatisticsSums sums(3);
  for (const auto& row : rows) sums.add(row);
  const std::vector<float> out = sums.finish();
  ASSERT_EQ(out.size(), 6u);
  EXPECT_FLOAT_EQ(out[0], 4);
  EXPECT_FLOAT_EQ(out[1], 0.5f);
  EXPECT_FLOAT_EQ(out[2], 1000.25f);
  EXPECT_FLOAT_EQ(out[3], static_cast<float>(std::sqrt(38.0 / 3 + 1e-7)));
  EXPECT_FLOAT_EQ(out[4], static_cast<float>(std::sqrt(1e-7)));
  EXPECT_FLOAT_EQ(out[5], static_cast<float>(std::sqrt(0.125 / 3 + 1e-7)));
}

TEST(StatisticsSumsTest, OneRowHasNoDeviationAndNaNStays) {
  const float row[2] = {3, NAN};
  StatisticsSums one(2);
  one.add(row);
  EXPECT_EQ(one.finish()[0], 3);
  EXPECT_TRUE(std::isnan(one.finish()[2]));
  one.add(row);
  EXPECT_TRUE(std::isfinite(one.finish()[2]));
  EXPECT_TRUE(std::isnan(one.finish()[1]) && std::isnan(one.finish()[3]));
}

}  // namespace
}  // namespace balr
