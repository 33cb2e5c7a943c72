#include "balr/dist/device.hpp"

#include <gtest/gtest.h>

#include "balr/core/error.hpp"

namespace balr {
namespace {

std::string chosen(const std::string& text, int local_rank, int gpus) { return choose_device(text, local_rank, gpus).str(); }

TEST(Device, ReadsThePythonBalrsTexts) {
  for (const char* text : {"cpu", "CPU", " cpu ", "mps", "'cpu'"}) EXPECT_EQ(chosen(text, 0, 4), "cpu") << text;
  for (const char* text : {"cuda", "CUDA", "", "none"}) EXPECT_EQ(chosen(text, 0, 4), "cuda:0") << text;
  for (const char* text : {"2", "cuda:2", "[2]", "\"cuda:2\"", "(2)"}) EXPECT_EQ(chosen(text, 0, 4), "cuda:2") << text;
}

TEST(Device, RanksOfANodeShareTheGpusNamed) {
  EXPECT_EQ(chosen("cuda", 3, 4), "cuda:3");
  EXPECT_EQ(chosen("cuda", 5, 4), "cuda:1");
  EXPECT_EQ(chosen("cuda:1,3", 0, 4), "cuda:1");
  EXPECT_EQ(chosen("1, 3", 1, 4), "cuda:3");
}

TEST(Device, WithoutAGpuCudaIsAUsageErrorThatNamesTheWayOut) {
  EXPECT_EQ(chosen("", 0, 0), "cpu");
  for (const char* text : {"cuda", "cuda:0", "0"}) {
    try {
      choose_device(text, 0, 0);
      ADD_FAILURE() << text;
    } catch (const ConfigError& e) {
      EXPECT_NE(std::string(e.what()).find("--device cpu"), std::string::npos);
    }
  }
}

TEST(Device, RefusesWhatIsNoDeviceOrNotThere) {
  for (const char* text : {"gpu", "cuda:4", "cuda:x", "1,", "-1", "0;1"}) EXPECT_THROW(choose_device(text, 0, 4), ConfigError) << text;
}

}  // namespace
}  // namespace balr
