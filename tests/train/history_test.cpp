#include "train/history.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

const std::vector<std::string> kLosses{"total_loss", "MSE"};

TEST(History, WritesOneRowPerEpochWithEveryDigitOfTheFloat) {
  const test::TempDir folder;
  History history(folder.path() / "history.csv", kLosses, 0);
  const float train[] = {0.1f, 1.0f / 3.0f};
  const std::optional<float> test[] = {16777216.0f, 1e-30f}, left_out[] = {2.0f, std::nullopt};
  history.add(0, train, {});
  history.add(1, train, test);
  history.add(2, train, left_out);
  // 0.1f is 0.100000001490..., 1/3 is 0.333333343267...: nine digits name a float uniquely (checked with numpy.float32).
  EXPECT_EQ(read_file(folder.path() / "history.csv"),
            "epoch,train/total_loss,train/MSE,test/total_loss,test/MSE\n"
            "0,0.100000001,0.333333343,,\n"
            "1,0.100000001,0.333333343,16777216,1e-30\n"
            "2,0.100000001,0.333333343,2,\n");
}

TEST(History, IsCutBackToTheCheckpointAndGoesOn) {
  const test::TempDir folder;
  const auto file = folder.path() / "history.csv";
  const float a[] = {1, 1}, b[] = {2, 2}, c[] = {3, 3};
  std::int64_t offset = 0;
  {
    History history(file, kLosses, 0);
    history.add(0, a, {});
    history.sync();
    offset = history.offset();
    history.add(1, b, {});
  }
  std::ofstream(file, std::ios::app) << "2,torn ro";  // a killed write
  {
    History history(file, kLosses, offset);
    history.add(1, c, {});
  }
  EXPECT_EQ(read_file(file), "epoch,train/total_loss,train/MSE,test/total_loss,test/MSE\n0,1,1,,\n1,3,3,,\n");
}

TEST(History, RefusesAFileThatIsNotTheCheckpoints) {
  const test::TempDir folder;
  const auto file = folder.path() / "history.csv";
  EXPECT_THROW(History(file, kLosses, 10), DataError);  // gone
  { History history(file, kLosses, 0); }
  EXPECT_THROW(History(file, kLosses, 1000), DataError);  // too short
  const std::vector<std::string> others{"total_loss", "Triplet"};
  EXPECT_THROW(History(file, others, 5), DataError);
}

}  // namespace
}  // namespace balr
