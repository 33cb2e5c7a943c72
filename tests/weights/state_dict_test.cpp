#include "balr/weights/state_dict.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

StateDict some_tensors() {
  return {{"a.weight", at::arange(12, at::kFloat).view({3, 4})},
          {"a.bias", at::arange(3, at::kFloat).neg()},
          {"steps", at::full({}, 5, at::kLong)}};
}

void expect_equal(const StateDict& read, const StateDict& expected) {
  ASSERT_EQ(read.size(), expected.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].first, expected[i].first);
    EXPECT_EQ(read[i].second.scalar_type(), expected[i].second.scalar_type());
    EXPECT_TRUE(at::equal(read[i].second, expected[i].second)) << read[i].first;
  }
}

TEST(StateDictTest, ReadsWhatItWrote) {
  const test::TempDir folder;
  write_state_dict(folder.path() / "x.pt", some_tensors());
  expect_equal(read_state_dict(folder.path() / "x.pt"), some_tensors());
}

TEST(StateDictTest, WritesViewsAsTheyLook) {
  const test::TempDir folder;
  const at::Tensor base = at::arange(60, at::kFloat).view({6, 10});
  write_state_dict(folder.path() / "x.pt", {{"t", base.t()}, {"s", base.slice(1, 2, 9, 3)}});
  expect_equal(read_state_dict(folder.path() / "x.pt"), {{"t", base.t()}, {"s", base.slice(1, 2, 9, 3)}});
}

TEST(StateDictTest, AFileThatCannotBeWrittenIsAnIoError) {
  const test::TempDir folder;
  EXPECT_THROW(write_state_dict(folder.path() / "absent" / "x.pt", some_tensors()), IoError);
  EXPECT_THROW(read_state_dict(folder.path() / "absent.pt"), IoError);
}

// Whatever byte is changed and wherever the file ends: tensors or a DataError, never a crash or another exception.
void expect_survives(const std::string& bytes, const std::filesystem::path& file, std::uint64_t seed, int rounds) {
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string broken = bytes;
    if (round % 4 == 0) {
      broken.resize(random() % bytes.size());
    } else {
      for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips)
        broken[random() % bytes.size()] = static_cast<char>(random());
    }
    std::ofstream(file, std::ios::binary) << broken;
    try {
      read_state_dict(file);
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, rounds / 4) << "truncated files are refused at least";
}

TEST(StateDictTest, SurvivesBrokenFiles) {
  const test::TempDir folder;
  write_state_dict(folder.path() / "x.pt", some_tensors());
  expect_survives(read_file(folder.path() / "x.pt"), folder.path() / "broken.pt", 1, test::by_level(2000, 20000, 200000));
}

TEST(StateDictTest, ReadsTheShippedAutoEncoder) {
  BALR_NEEDS_TEST_DATA();
  const StateDict tensors = read_state_dict(test::test_data_folder() / "models" / "BAE_mse.pt");
  ASSERT_EQ(tensors.size(), 13u);
  EXPECT_EQ(tensors[0].first, "encoder.0.weight");
  EXPECT_EQ(tensors[0].second.sizes(), (at::IntArrayRef{512, 256}));
  EXPECT_TRUE(tensors[0].second.is_cpu());
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : tensors)
    if (name.find("running") == std::string::npos && name.find("num_batches") == std::string::npos)
      parameters += tensor.numel();
  EXPECT_EQ(parameters, 789248);  // behaviour of the Python balr, 5.1
}

TEST(StateDictTest, ReadsAWespeakerModel) {
  BALR_NEEDS_TEST_DATA();
  const StateDict tensors =
      read_state_dict(test::test_data_folder() / "golden" / "wespeaker-resnet34-random" / "avg_model.pt");
  ASSERT_EQ(tensors.size(), 219u);
  EXPECT_EQ(tensors.back().first, "projection.weight");
  EXPECT_EQ(tensors.front().first, "conv1.weight");
  EXPECT_EQ(tensors.front().second.sizes(), (at::IntArrayRef{32, 1, 3, 3}));
}

}  // namespace
}  // namespace balr
