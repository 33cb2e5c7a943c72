#include "balr/run/progress.hpp"

#include <gtest/gtest.h>

namespace balr {
namespace {

TEST(Progress, SaysHowFarAndHowLong) {
  EXPECT_EQ(progress_text(42, 100, "rows", 3.5, "3 failed"), "42 of 100 rows (42 %), 3.50 rows/s, 0:00:16 left, 3 failed");
  EXPECT_EQ(progress_text(0, 1000000, "rows", 100, ""), "0 of 1000000 rows (0 %), 100 rows/s, 2:46:40 left");
  EXPECT_EQ(progress_text(10, 10, "epochs", 20, ""), "10 of 10 epochs (100 %), 20 epochs/s");
  EXPECT_EQ(progress_text(5, 10, "rows", 0, ""), "5 of 10 rows (50 %)");
  EXPECT_EQ(progress_text(0, 0, "rows", 0, ""), "0 of 0 rows (100 %)");
}

TEST(Progress, IsNotCompleteBeforeTheEnd) {
  EXPECT_EQ(progress_text(99999, 100000, "rows", 0, ""), "99999 of 100000 rows (99 %)");
}

TEST(Progress, RowsOfEarlierRunsDoNotCountForTheRate) {
  Progress progress("extract", "rows", 1000, 2000, false);
  progress.update(1000);
  EXPECT_EQ(progress.per_second(), 0);
}

}  // namespace
}  // namespace balr
