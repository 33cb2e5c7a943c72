// What a finished training leaves, whatever the number of ranks and threads.
#include "balr/train/trainer.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "balr/weights/state_dict.hpp"
#include "support/golden.hpp"
#include "train/tensorboard.hpp"
#include "train/worker.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using test::run_worker;

std::vector<std::vector<std::string>> read_csv(const fs::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

TEST(Trainer, GivesTheSameBytesOnAnyNumberOfRanksAndThreads) {
  const test::TempDir folder;
  std::string last, best, history;
  for (const auto& [ranks, threads] : std::vector<std::pair<int, int>>{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {4, 1}, {8, 1}}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks, " + std::to_string(threads) + " threads");
    const fs::path run = folder.path() / ("run-" + std::to_string(ranks) + "-" + std::to_string(threads));
    const Ended ended = run_worker(ranks, run, {"epochs=7", "threads=" + std::to_string(threads)});
    ASSERT_EQ(ended.code, 0) << ended.log;
    if (last.empty()) {
      last = read_file(run / "last.pt");
      best = read_file(run / "best.pt");
      history = read_file(run / "history.csv");
    }
    EXPECT_TRUE(read_file(run / "last.pt") == last);
    EXPECT_TRUE(read_file(run / "best.pt") == best);
    EXPECT_EQ(read_file(run / "history.csv"), history);
  }
  // 11 speakers, 4 a batch: 3 steps an epoch.
  for (const auto& [name, tensor] : read_state_dict(folder.path() / "run-8-1" / "last.pt"))
    if (name == "encoder.2.num_batches_tracked") {
      EXPECT_EQ(tensor.item<std::int64_t>(), 21);
    }
}

TEST(Trainer, TheLossFallsAndTheFilesAreThoseOfTheReference) {
  const test::TempDir folder;
  const fs::path run = folder.path() / "mse";
  const Ended ended = run_worker(1, run, {"epochs=40", "save_period=15"});
  ASSERT_EQ(ended.code, 0) << ended.log;
  EXPECT_NE(ended.log.find("tensorboard --logdir " + run.string()), std::string::npos) << ended.log;

  const auto rows = read_csv(run / "history.csv");
  ASSERT_EQ(rows.size(), 41u);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"epoch", "train/total_loss", "train/MSE", "test/total_loss", "test/MSE"}));
  EXPECT_LT(std::stod(rows[40][2]), 0.5 * std::stod(rows[1][2]));
  EXPECT_LT(std::stod(rows[40][4]), std::stod(rows[3][4]));
  EXPECT_FALSE(rows[3][4].empty());
  EXPECT_TRUE(rows[4][4].empty());

  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run)) names.push_back(entry.path().filename());
  for (const char* name : {"last.pt", "best.pt", "epoch14.pt", "epoch29.pt", "config.yaml", "history.csv", "checkpoints"})
    EXPECT_TRUE(fs::exists(run / name)) << name;
  // and history.jsonl, run.json, the events; no temporary files, no lease
  EXPECT_EQ(names.size(), 10u) << ended.log;
  EXPECT_EQ(read_file(run / "config.yaml"), "trainer:\n  epochs: 40\n");

  // TensorBoard's points are history.csv's: train at every epoch (log_period 1), test at every third and the last.
  std::istringstream points(test::read_by_tensorboard(run));
  int count = 0;
  std::string tag, value;
  for (std::size_t step = 0; points >> tag >> step >> value; ++count)
    for (std::size_t column = 1; column < 5; ++column)
      if (rows[0][column] == tag) {
        EXPECT_EQ(std::stof(value), std::stof(rows[step + 1][column])) << tag << " " << step;
      }
  EXPECT_EQ(count, (2 + 2) * 40 + (2 + 3) * 14);  // and rate and gradient; how codes are used
}

TEST(Trainer, AFinishedRunIsLeftAloneAndAnotherOneGoesBesideIt) {
  const test::TempDir folder;
  const fs::path run = folder.path() / "mse";
  ASSERT_EQ(run_worker(1, run, {"epochs=2"}).code, 0);
  const std::string last = read_file(run / "last.pt");
  const auto time = fs::last_write_time(run / "last.pt");
  const Ended again = run_worker(2, run, {"epochs=2"});
  EXPECT_EQ(again.code, 0) << again.log;
  EXPECT_NE(again.log.find("finished"), std::string::npos) << again.log;
  EXPECT_EQ(fs::last_write_time(run / "last.pt"), time);
  const Ended other = run_worker(1, run, {"epochs=3"});
  EXPECT_EQ(other.code, 0) << other.log;
  EXPECT_NE(other.log.find("mse2"), std::string::npos) << other.log;
  EXPECT_TRUE(fs::exists(folder.path() / "mse2" / "last.pt"));
  EXPECT_EQ(read_file(run / "last.pt"), last);
  EXPECT_EQ(run_worker(1, run, {"epochs=4", "exist_ok=1"}).code, 2);
  EXPECT_EQ(run_worker(1, run, {"epochs=4", "must_resume=1"}).code, 2);
  EXPECT_FALSE(fs::exists(folder.path() / "mse3"));
}

// Every loss: the same bytes on any number of ranks, and it falls.
TEST(Trainer, EveryLossOnAnyNumberOfRanks) {
  const test::TempDir folder;
  for (const std::string losses : {"mt", "ms", "ma", "mtsa"}) {
    SCOPED_TRACE(losses);
    std::string last, history;
    std::vector<int> counts = {1, 3};
    if (test::by_level(0, 1, 1)) counts = {1, 2, 3, 4, 8};
    for (const int ranks : counts) {
      const fs::path run = folder.path() / (losses + std::to_string(ranks));
      const Ended ended = run_worker(ranks, run, {"epochs=12", "losses=" + losses});
      ASSERT_EQ(ended.code, 0) << ended.log;
      if (last.empty()) {
        last = read_file(run / "last.pt");
        history = read_file(run / "history.csv");
      }
      EXPECT_TRUE(read_file(run / "last.pt") == last) << ranks;
      EXPECT_EQ(read_file(run / "history.csv"), history) << ranks;
    }
    const auto rows = read_csv(folder.path() / (losses + "1") / "history.csv");
    ASSERT_EQ(rows.size(), 13u);
    EXPECT_EQ(rows[0].size(), 1 + 2 * (1 + losses.size()));
    EXPECT_LT(std::stod(rows[12][1]), std::stod(rows[1][1]));
    for (std::size_t column = 1; column < rows[0].size(); ++column)
      EXPECT_TRUE(std::isfinite(std::stod(rows[12][column]))) << rows[0][column];
  }
}

// With other speakers in validation ArcFace has no value there, and is said to have none.
TEST(Trainer, ArcFaceIsLeftOutOfAValidationOnOtherSpeakers) {
  const test::TempDir folder;
  const Ended ended = run_worker(1, folder.path() / "run", {"epochs=3", "losses=ma", "foreign=1"});
  ASSERT_EQ(ended.code, 0) << ended.log;
  EXPECT_NE(ended.log.find("leaves the ArcFace loss out"), std::string::npos) << ended.log;
  const auto rows = read_csv(folder.path() / "run" / "history.csv");
  EXPECT_EQ(rows[0][6], "test/ArcFace");
  EXPECT_EQ(rows[3][6], "");
  EXPECT_EQ(rows[3][4], rows[3][5]);  // the total is MSE
}

TEST(Trainer, SchedulesClippingAndEarlyStoppingAreOptions) {
  const test::TempDir folder;
  const auto run = [&](const std::string& name, std::vector<std::string> arguments) {
    const Ended ended = run_worker(1, folder.path() / name, arguments);
    EXPECT_EQ(ended.code, 0) << ended.log;
    return read_csv(folder.path() / name / "history.csv");
  };
  const auto plain = run("plain", {"epochs=6"}),
             warm = run("warm", {"epochs=6", "warmup_steps=1000", "cosine=1"}),
             clipped = run("clipped", {"epochs=6", "clip_norm_thousandths=1"});
  EXPECT_GT(std::stod(warm[6][1]), std::stod(plain[6][1]));  // it has hardly begun
  EXPECT_NE(clipped[6][1], plain[6][1]);
  // A rate so high that validation soon gets worse ends the run long before its last epoch.
  const auto stopped =
      run("stopped", {"epochs=400", "early_stopping=6", "learning_rate=0.5", "val_period=2"});
  EXPECT_LT(stopped.size(), 300u);
  EXPECT_FALSE(stopped.back()[3].empty());  // right after a validation
  const Ended again = run_worker(1, folder.path() / "stopped",
                                 {"epochs=400", "early_stopping=6", "learning_rate=0.5", "val_period=2"});
  EXPECT_NE(again.log.find("finished"), std::string::npos) << again.log;
}

TEST(Trainer, AFlippedBitIsFoundBeforeItIsSaved) {
  const test::TempDir folder;
  for (const std::string losses : {"m", "ma"}) {
    setenv("BALR_FAULT", "flip@train.weights:2=1", 1);
    const Ended ended = run_worker(4, folder.path() / losses, {"epochs=5", "losses=" + losses});
    unsetenv("BALR_FAULT");
    EXPECT_EQ(ended.code, 70) << ended.log;
    EXPECT_NE(ended.log.find("weights of rank 2 differ"), std::string::npos) << ended.log;
    EXPECT_FALSE(fs::exists(folder.path() / losses / "last.pt"));
  }
}

TEST(Trainer, SmallData) {
  const test::TempDir folder;
  int number = 0;
  const auto code = [&](std::vector<std::string> arguments, int ranks = 1) {
    arguments.push_back("epochs=3");
    const fs::path run = folder.path() / ("run" + std::to_string(++number));
    const Ended ended = run_worker(ranks, run, arguments);
    EXPECT_NE(ended.code, 70) << ended.log;
    EXPECT_EQ(fs::exists(run), ended.code == 0) << ended.log;  // an error comes before any file
    return ended.code;
  };
  EXPECT_EQ(code({"rows=1", "losses=mta"}), 0);                          // speakers with one row
  EXPECT_EQ(code({"speakers=4", "rows=1", "losses=mtsa"}, 8), 0);        // more ranks than rows
  EXPECT_EQ(code({"shuffle_only=1", "speakers=2", "rows=3", "classes=2", "batch_size=500"}), 0);
  EXPECT_EQ(code({"shuffle_only=1", "speakers=1", "rows=7", "losses=t"}), 65);  // no triplets at all
  EXPECT_EQ(code({"shuffle_only=1", "speakers=1", "rows=7"}), 0);
  EXPECT_EQ(code({"speakers=0"}), 65);
  EXPECT_EQ(code({"speakers=3"}, 2), 65);  // fewer than a batch takes
  EXPECT_EQ(code({"test_speakers=1", "losses=m"}), 0);
  EXPECT_EQ(code({"test_speakers=1", "losses=mt"}), 65);  // no N x M pass over one speaker
  EXPECT_EQ(code({"test_speakers=0", "losses=m"}), 65);
  EXPECT_EQ(code({"shuffle_only=1", "rows=7", "speakers=3", "batch_size=20"}), 65);  // 21 = 20 + 1
  EXPECT_EQ(code({"shuffle_only=1", "rows=7", "speakers=3", "batch_size=20", "drop_last=1"}), 0);
  EXPECT_EQ(code({"shuffle_only=1", "rows=2", "speakers=2", "batch_size=20", "drop_last=1"}), 0);
}

TEST(Trainer, ErrorsLeaveNothingBehind) {
  const struct {
    std::vector<std::string> arguments;
    int code;
    const char* says;
  } cases[] = {
      {{"poison=1"}, 65, "not finite"},
      {{"classes=12", "batch_size=60"}, 65, "classes"},
      {{"batch_size=21"}, 2, "batch_size"},
      {{"device=gpu"}, 2, "--device"},
      {{"tf32=1"}, 2, "trainer.precision=tf32"},
      {{"device=cpu", "canonical=1", "must_resume=1"}, 2, "--must-resume"},
  };
  for (const auto& c : cases) {
    const test::TempDir folder;
    const fs::path run = folder.path() / "deep" / "mse";
    fs::create_directory(folder.path() / "deep");
    const Ended ended = run_worker(1, run, c.arguments);
    EXPECT_EQ(ended.code, c.code) << ended.log;
    EXPECT_NE(ended.log.find(c.says), std::string::npos) << ended.log;
    EXPECT_FALSE(fs::exists(run));
  }
}

TEST(Trainer, ALossThatIsNotFiniteEndsTheRunAndIsNotSaved) {
  const test::TempDir folder;
  const fs::path run = folder.path() / "mse";
  const Ended ended = run_worker(2, run, {"epochs=30", "learning_rate=1e37", "checkpoint_ms=0"});
  EXPECT_EQ(ended.code, 65) << ended.log;
  EXPECT_NE(ended.log.find("trainer.learning_rate"), std::string::npos) << ended.log;
  if (!fs::exists(run / "last.pt")) return;
  for (const auto& [name, tensor] : read_state_dict(run / "last.pt"))
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
}

TEST(Trainer, OtherBatchModesArithmeticAndValidationTrainToo) {
  const test::TempDir folder;
  int number = 0;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"per_rank=1"}, {"canonical=0"}, {"per_rank=1", "canonical=0"}, {"sampled=1", "classes=4"},
                                            {"per_rank=1", "losses=mtsa"}, {"canonical=0", "losses=mtsa"},
                                            {"sampled=1", "losses=mtsa"}}) {
    const fs::path run = folder.path() / ("run" + std::to_string(++number));
    std::vector<std::string> all{"epochs=30"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Ended ended = run_worker(2, run, all);
    ASSERT_EQ(ended.code, 0) << ended.log;
    const auto rows = read_csv(run / "history.csv");
    ASSERT_EQ(rows.size(), 31u);
    const bool mse_alone = rows[0].size() == 5;
    EXPECT_LT(std::stod(rows[30][1]), (mse_alone ? 0.7 : 1.0) * std::stod(rows[1][1])) << arguments[0];
    EXPECT_FALSE(rows[3][4].empty());
  }
}

// Device operations are queued, and looked at later: killed right after the first checkpoint, then
// inside an epoch, the run ends with the bytes of an undisturbed one.
TEST(Trainer, AQueuedRunGoesOnWhereItWasKilled) {
  const std::vector<std::string> arguments{"epochs=20", "canonical=0", "losses=mtsa", "threads=1", "checkpoint_ms=0"};
  for (const int ranks : {1, 2}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    const test::TempDir folder;
    const fs::path whole = folder.path() / "whole", killed = folder.path() / "killed";
    const Ended straight = run_worker(ranks, whole, arguments);
    ASSERT_EQ(straight.code, 0) << straight.log;
    for (const char* fault : {"kill@train.save.saved:0=0", "kill@train.step:0=59"}) {  // of 60 steps
      setenv("BALR_FAULT", fault, 1);
      EXPECT_NE(run_worker(ranks, killed, arguments).code, 0) << fault;
      unsetenv("BALR_FAULT");
    }
    const Ended ended = run_worker(ranks, killed, arguments);
    ASSERT_EQ(ended.code, 0) << ended.log;
    EXPECT_NE(ended.log.find("resuming at"), std::string::npos) << ended.log;
    EXPECT_TRUE(read_file(killed / "last.pt") == read_file(whole / "last.pt"));
    EXPECT_EQ(read_file(killed / "history.csv"), read_file(whole / "history.csv"));
  }
}

}  // namespace
}  // namespace balr
