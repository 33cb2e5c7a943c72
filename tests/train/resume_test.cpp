// Killed, stopped and damaged runs end with the bytes of the run that nothing happened to.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "balr/core/error.hpp"
#include "support/golden.hpp"
#include "train/checkpoint.hpp"
#include "train/tensorboard.hpp"
#include "train/worker.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using std::chrono::duration;
using test::Ended;
using test::run_worker;
using test::Worker;

constexpr int kEpochs = 300, kSteps = 3 * kEpochs;  // 11 speakers, 4 in a batch
const std::vector<std::string> kArguments{"epochs=300", "checkpoint_ms=0", "save_period=100", "val_period=7"};
const std::vector<const char*> kFiles{"last.pt", "best.pt", "epoch99.pt", "epoch299.pt", "history.csv"};

// The run that nothing happened to; made once.
struct Undisturbed {
  test::TempDir folder;
  fs::path run = folder.path() / "whole";
  double seconds = 0;
  std::string points;  // what TensorBoard shows
  Undisturbed() {
    const auto begin = std::chrono::steady_clock::now();
    const Ended ended = run_worker(1, run, kArguments);
    seconds = duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (ended.code != 0) throw std::runtime_error(ended.log);
    points = test::read_by_tensorboard(run);
  }
};
const Undisturbed& undisturbed() {
  static const Undisturbed run;
  return run;
}

void expect_undisturbed(const fs::path& run) {
  for (const char* name : kFiles) EXPECT_TRUE(read_file(run / name) == read_file(undisturbed().run / name)) << name;
}

// Every point once, with its value.
void expect_same_points(const fs::path& run) {
  const std::string& points = undisturbed().points;
  // Two train losses, learning rate and gradient norm an epoch; two test losses and three figures of
  // the codes a validation, of which there are 43 (42 multiples of 7, and the last).
  EXPECT_EQ(std::count(points.begin(), points.end(), '\n'), (2 + 2) * kEpochs + (2 + 3) * 43);
  EXPECT_EQ(test::read_by_tensorboard(run), points);
}

// Waits, then ends one process of the run by `signal`. False if the run was over first.
bool strike(Worker& worker, double seconds, int signal, std::mt19937& random) {
  std::this_thread::sleep_for(duration<double>(seconds));
  if (!worker.is_running()) return false;
  const auto processes = worker.processes();
  if (processes.empty()) return true;  // mpiexec has not started them yet, or has just ended
  return kill(processes[random() % processes.size()], signal) == 0;
}

TEST(Resume, KilledAnywhereOnAnyNumberOfRanks) {
  const double whole = undisturbed().seconds;
  std::mt19937 random(20240607);
  std::uniform_real_distribution<double> moment(0.02, 1.0);
  int kills = 0, finished = 0;
  for (int trial = 0; kills < test::by_level(8, 25, 60); ++trial) {
    const test::TempDir folder;
    const fs::path run = folder.path() / "mse";
    while (true) {
      // Mostly one rank, which is the fastest; a resumed run has any number.
      const int ranks = random() % 4 == 0 ? 2 + static_cast<int>(random() % 3) : 1;
      Worker worker(ranks, run, kArguments);
      const bool struck = strike(worker, moment(random) * whole * (ranks > 1 ? 2 : 1), SIGKILL, random);
      const int code = worker.is_running() ? worker.wait() : 0;
      if (!struck || code == 0) break;
      EXPECT_NE(code, 65) << worker.log();
      ++kills;
    }
    const Ended ended = run_worker(1, run, kArguments);
    ASSERT_EQ(ended.code, 0) << ended.log;
    expect_undisturbed(run);
    expect_same_points(run);
    ++finished;
    ASSERT_LT(trial, 500);
  }
  EXPECT_GT(finished, 0);
}

// Where a run is killed: `fault` as BALR_FAULT takes it, on a rank that it names.
struct Kill {
  std::string place;
  int rank;
  std::int64_t number;
  std::string fault() const {
    return "kill@" + place + ":" + std::to_string(rank) + "=" + std::to_string(number);
  }
};

// `count` kills on the way through the epochs, before any step, at the end of an epoch or in the
// first save after a start, each later than the one before; then those that come last: before the
// last step, at the end of the last epoch, in the last save, and after it.
std::vector<Kill> kills_for(int count, int ranks, std::mt19937& random) {
  const std::vector<std::string> in_save = {"train.save.last", "train.save.files",
                                            "train.save.published", "train.save.saved"};
  const auto any_rank = [&] { return static_cast<int>(random() % static_cast<unsigned>(ranks)); };
  // Far enough from each other that no checkpoint lies behind the next one: a kill comes up to three
  // steps after its number.
  const std::int64_t apart = (kSteps - 20) / std::max(count, 1);
  std::vector<std::int64_t> steps;
  for (int i = 0; i < count; ++i)
    steps.push_back(10 + i * apart + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(apart - 8)));
  std::vector<Kill> kills;
  for (const std::int64_t step : steps) switch (random() % 4) {
      case 0: kills.push_back({in_save[random() % in_save.size()], 0, 0}); break;
      case 1: kills.push_back({"train.epoch", any_rank(), (step - 1) / 3}); break;
      default: kills.push_back({"train.step", any_rank(), step});
    }
  kills.push_back({"train.step", any_rank(), kSteps});
  kills.push_back({"train.epoch", any_rank(), kEpochs - 1});
  kills.push_back({"train.save.last", 0, 1});
  kills.push_back({"train.save.files", 0, 1});
  // From here on the run has all its steps, and saves no more.
  kills.push_back({random() % 2 ? "train.save.published" : "train.save.saved", 0, 1});
  kills.push_back({"train.end", any_rank(), 0});
  return kills;
}

// One run, killed again and again at places that are named, not at moments.
TEST(Resume, KilledAtEveryKindOfPlace) {
  std::mt19937 random(20251125);
  for (const int ranks : {1, 4}) {
    const test::TempDir folder;
    const fs::path run = folder.path() / "mse";
    const int count = ranks == 1 ? test::by_level(3, 8, 60) : test::by_level(0, 2, 60);
    for (const Kill& kill : kills_for(count, ranks, random)) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks, " + kill.fault());
      setenv("BALR_FAULT", kill.fault().c_str(), 1);
      const Ended ended = run_worker(ranks, run, kArguments);
      unsetenv("BALR_FAULT");
      if (ranks == 1)
        ASSERT_EQ(ended.code, 128 + SIGKILL) << ended.log;
      else  // as the launcher tells it
        ASSERT_NE(ended.log.find("signal 9"), std::string::npos) << ended.log;
    }
    const Ended ended = run_worker(ranks, run, kArguments);
    ASSERT_EQ(ended.code, 0) << ended.log;
    expect_undisturbed(run);
    expect_same_points(run);
  }
}

// Asks the run to stop at random moments until it has stopped twice or has ended; returns how often it stopped.
int stop_twice(int ranks, const fs::path& run, const std::vector<std::string>& arguments, int signal, std::mt19937& random) {
  std::uniform_real_distribution<double> moment(0, 0.1);
  int stops = 0;
  while (stops < 2) {
    Worker worker(ranks, run, arguments);
    while (worker.is_running() && worker.log().find("training:") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    strike(worker, undisturbed().seconds * moment(random), signal, random);
    const int code = worker.wait();
    if (code == 0) break;  // it was over before the signal came
    EXPECT_EQ(code, 75) << worker.log();
    if (code != 75) break;
    EXPECT_NE(worker.log().find("same command"), std::string::npos) << worker.log();
    EXPECT_TRUE(newest_checkpoint_meta(run));
    ++stops;
  }
  return stops;
}

TEST(Resume, AStopRequestToAnyRankIsAgreedAndExact) {
  std::mt19937 random(7);
  std::vector<std::string> arguments = kArguments;
  arguments[1] = "checkpoint_ms=60000";  // the checkpoint is the stop's
  for (const int signal : {SIGTERM, SIGUSR2}) {
    for (const int ranks : {1, 3}) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks, signal " + std::to_string(signal));
      const test::TempDir folder;
      int stops = 0;
      // The training itself takes a fraction of a second: a signal may come too late. Then another run is tried.
      for (int attempt = 0; attempt < 40 && stops == 0 && !HasFailure(); ++attempt) {
        const fs::path run = folder.path() / std::to_string(attempt) / "mse";
        stops = stop_twice(ranks, run, arguments, signal, random);
        ASSERT_EQ(run_worker(1, run, arguments).code, 0);
        expect_undisturbed(run);
      }
      EXPECT_GT(stops, 0);
    }
  }
}

std::vector<fs::path> checkpoints_of(const fs::path& run) {
  std::vector<fs::path> found;
  if (!fs::exists(run / "checkpoints")) return found;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (entry.path().filename().string().starts_with("step-")) found.push_back(entry.path());
  const auto number = [](const fs::path& path) { return std::stol(path.filename().string().substr(5)); };
  std::sort(found.begin(), found.end(), [&](const fs::path& x, const fs::path& y) { return number(x) < number(y); });
  return found;
}

// A run that was killed between its first two checkpoints and its end.
fs::path killed_run(const fs::path& folder, std::mt19937& random) {
  std::uniform_real_distribution<double> moment(0.2, 1.0);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const fs::path run = folder / std::to_string(attempt) / "mse";
    Worker worker(1, run, kArguments);
    strike(worker, undisturbed().seconds * moment(random), SIGKILL, random);
    // A process that is killed while it exits leaves a finished run.
    if (worker.wait() != 0 && checkpoints_of(run).size() >= 2 &&
        read_file(run / "run.json").find("\"running\"") != std::string::npos)
      return run;
  }
  throw std::runtime_error("none of 100 runs was killed in the middle");
}

TEST(Resume, ADamagedNewestCheckpointCostsTimeOnly) {
  std::mt19937 random(3);
  for (const char* file : {"model.pt", "optimizer.pt", "meta.json"}) {
    SCOPED_TRACE(file);
    const test::TempDir folder;
    const fs::path run = killed_run(folder.path(), random);
    const fs::path newest = checkpoints_of(run).back();
    fs::resize_file(newest / file, fs::file_size(newest / file) / 2);
    const Ended ended = run_worker(1, run, kArguments);
    ASSERT_EQ(ended.code, 0) << ended.log;
    EXPECT_NE(ended.log.find("damaged"), std::string::npos) << ended.log;
    expect_undisturbed(run);
    expect_same_points(run);
  }
}

TEST(Resume, MoreRanksThanBlocksAndBack) {
  const test::TempDir folder;
  const fs::path run = folder.path() / "mse";
  std::mt19937 random(11);
  for (const int ranks : {8, 1, 4}) {
    Worker worker(ranks, run, kArguments);
    while (worker.is_running() && !newest_checkpoint_meta(run)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    strike(worker, undisturbed().seconds * 0.3, SIGTERM, random);
    if (worker.is_running()) worker.wait();
  }
  const Ended ended = run_worker(2, run, kArguments);
  ASSERT_EQ(ended.code, 0) << ended.log;
  expect_undisturbed(run);
}

}  // namespace
}  // namespace balr
