#include "train/checkpoint.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "balr/core/atomic_file.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

Checkpoint example(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.meta = {.step = step, .epoch = 3, .next_batch = 7, .sums = {1.0 / 3.0, 1e-300, 123456789.123456789},
                     .best_fitness = -0.1, .best_epoch = 2, .seed = 1234, .history_offset = 99, .finished = false,
                     .identity = "ab", .train_hash = "cd", .test_hash = "ef", .world_size = 4, .arithmetic = "canonical",
                     .program_version = "0.1.0"};
  checkpoint.model = {{"encoder.0.weight", at::arange(12, at::kFloat).reshape({3, 4}) + static_cast<double>(step)},
                      {"encoder.2.num_batches_tracked", at::full({}, step, at::kLong)}};
  checkpoint.optimizer = {{"exp_avg.encoder.0.weight", at::full({3, 4}, 0.1, at::kFloat)}};
  return checkpoint;
}

void expect_equal(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.scalar_type(), b[i].second.scalar_type());
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

void expect_equal(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.meta, b.meta);
  expect_equal(a.model, b.model);
  expect_equal(a.optimizer, b.optimizer);
}

fs::path folder_of(const fs::path& run, std::int64_t step) {
  return run / "checkpoints" / ("step-" + std::to_string(step));
}

TEST(Checkpoint, EveryFieldComesBack) {
  const test::TempDir run;
  EXPECT_FALSE(load_newest_checkpoint(run.path()));
  Checkpoint saved = example(500);
  save_checkpoint(run.path(), saved, 2);
  expect_equal(*load_newest_checkpoint(run.path()), saved);
  EXPECT_EQ(newest_checkpoint_meta(run.path()), saved.meta);
  saved.meta.best_fitness.reset();  // no validation so far
  saved.meta.finished = true;
  save_checkpoint(run.path(), saved, 2);  // in place of the same step
  expect_equal(*load_newest_checkpoint(run.path()), saved);
}

TEST(Checkpoint, KeepsTheNewestTwoByNumber) {
  const test::TempDir run;
  for (const int step : {8, 9, 10, 100}) save_checkpoint(run.path(), example(step), 2);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run.path() / "checkpoints")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"step-10", "step-100"}));
}

TEST(Checkpoint, AnyDamageIsFoundAndTheOneBeforeIsUsed) {
  for (const char* file : {"model.pt", "optimizer.pt", "meta.json"}) {
    for (const int damage : {0, 1, 2, 3}) {
      SCOPED_TRACE(std::string(file) + " damage " + std::to_string(damage));
      const test::TempDir run;
      save_checkpoint(run.path(), example(1), 2);
      save_checkpoint(run.path(), example(2), 2);
      const fs::path victim = folder_of(run.path(), 2) / file;
      std::string bytes = read_file(victim);
      if (damage == 0) fs::remove(victim);
      if (damage == 1) fs::resize_file(victim, bytes.size() / 2);
      if (damage == 2) {
        bytes[bytes.size() / 2] ^= 1;
        std::ofstream(victim, std::ios::binary) << bytes;
      }
      if (damage == 3) std::ofstream(victim, std::ios::trunc).flush();
      expect_equal(*load_newest_checkpoint(run.path()), example(1));
    }
  }
}

// Every single flipped digit of meta.json, not only one that breaks its syntax.
TEST(Checkpoint, NoChangedNumberOfItsPositionIsBelieved) {
  const test::TempDir run;
  save_checkpoint(run.path(), example(1), 2);
  const fs::path meta = folder_of(run.path(), 1) / "meta.json";
  const std::string good = read_file(meta);
  int changed = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i] < '0' || good[i] > '9') continue;
    std::string bad = good;
    bad[i] = bad[i] == '9' ? '8' : static_cast<char>(bad[i] + 1);
    std::ofstream(meta, std::ios::binary) << bad;
    EXPECT_FALSE(newest_checkpoint_meta(run.path())) << "byte " << i;
    ++changed;
  }
  EXPECT_GT(changed, 100);
}

TEST(Checkpoint, HalfWrittenAndForeignFoldersAreNotSeen) {
  const test::TempDir run;
  save_checkpoint(run.path(), example(1), 2);
  fs::copy(folder_of(run.path(), 1), run.path() / "checkpoints" / ".step-9.tmp-host-1-0");
  fs::create_directory(run.path() / "checkpoints" / "step-abc");
  expect_equal(*load_newest_checkpoint(run.path()), example(1));
}

TEST(Checkpoint, PruningCountsValidOnesOnly) {
  const test::TempDir run;
  save_checkpoint(run.path(), example(1), 2);
  save_checkpoint(run.path(), example(5), 2);
  fs::resize_file(folder_of(run.path(), 5) / "model.pt", 10);
  save_checkpoint(run.path(), example(3), 2);  // the run went on from step 1
  EXPECT_TRUE(fs::exists(folder_of(run.path(), 1)));
  EXPECT_FALSE(fs::exists(folder_of(run.path(), 5)));
  expect_equal(*load_newest_checkpoint(run.path()), example(3));
}

}  // namespace
}  // namespace balr
