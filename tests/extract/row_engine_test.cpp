#include "extract/row_engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "balr/run/journal.hpp"
#include "balr/speech/model_init.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::vector<float> voice(int speaker, double seconds) {
  std::vector<float> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(16000 * seconds); ++i) {
    const double t = static_cast<double>(i) / 16000;
    double x = 0;
    for (int k = 1; k < 12; ++k) x += std::sin(2 * M_PI * k * (100 + 15 * speaker) * t + k) / k * (1.2 + std::sin((3 + k) * t));
    out.push_back(static_cast<float>(0.1 * x));
  }
  return out;
}

void write_wav(const fs::path& file, const std::vector<float>& samples) {
  std::ofstream out(file, std::ios::binary);
  const auto word = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.put(static_cast<char>(value >> (8 * i)));
  };
  const auto size = static_cast<std::uint32_t>(2 * samples.size());
  out << "RIFF";
  word(36 + size, 4);
  out << "WAVEfmt ";
  word(16, 4), word(1, 2), word(1, 2), word(16000, 4), word(32000, 4), word(2, 2), word(16, 2);
  out << "data";
  word(size, 4);
  for (const float x : samples) word(static_cast<std::uint16_t>(static_cast<std::int16_t>(32767 * x)), 2);
}

// Ten utterances of 0.3 to 2.1 s, one that is missing, one too short, one that is no audio.
class RowEngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::TempDir;
    manifest_ = new Manifest;
    std::vector<std::vector<float>> clips;
    for (int i = 0; i < 10; ++i) {
      clips.push_back(voice(i, 0.3 + 0.2 * ((7 * i) % 10)));
      add(clips.back(), std::to_string(i));
    }
    add(voice(1, 0.05), "short");
    add({}, "text");
    std::ofstream(dir_->path() / "text.wav") << "no audio";
    manifest_->rows.push_back({"gone", "gone.wav", dir_->path() / "gone.wav", "", ""});
    init_model(dir_->path() / "model", clips, 1, "ResNet18");
    embedder_ = Embedder::load(dir_->path() / "model" / "avg_model.pt", dir_->path() / "model" / "config.yaml", {}).release();
  }
  static void TearDownTestSuite() {
    delete embedder_;
    delete manifest_;
    delete dir_;
  }
  static void add(const std::vector<float>& samples, const std::string& name) {
    const fs::path file = dir_->path() / (name + ".wav");
    write_wav(file, samples);
    manifest_->rows.push_back({name, name + ".wav", file, "", ""});
  }

  static std::unique_ptr<RowEngine> cpu(int threads, Journal* journal = nullptr) {
    return make_cpu_engine(*manifest_, {}, *embedder_, {threads, 1, 0, journal});
  }
  static std::unique_ptr<RowEngine> batches(int threads, int size, Journal* journal = nullptr) {
    return make_batch_engine(*manifest_, {}, *embedder_, {threads, size, 0, journal});
  }

  static std::map<std::int64_t, RowResult> run(RowEngine& engine) {
    const auto rows = static_cast<std::int64_t>(manifest_->rows.size());
    for (std::int64_t row = 0; row < rows; ++row) engine.submit({row, row + 1});
    std::map<std::int64_t, RowResult> results;
    while (static_cast<std::int64_t>(results.size()) < rows) {
      auto result = engine.next(10s);
      if (!result) throw std::runtime_error("no result for ten seconds");
      const std::int64_t row = result->row;
      if (!results.emplace(row, std::move(*result)).second) throw std::runtime_error("a row came twice");
    }
    return results;
  }

  inline static test::TempDir* dir_;
  inline static Manifest* manifest_;
  inline static const Embedder* embedder_;
};

TEST_F(RowEngineTest, CpuRowsHaveTheSameBytesOnAnyNumberOfThreads) {
  const auto one = run(*cpu(1));
  const auto three = run(*cpu(3));
  for (const auto& [row, result] : one) {
    EXPECT_EQ(result.embedding, three.at(row).embedding) << row;
    EXPECT_EQ(result.status, row < 10 ? RowStatus::kOk : three.at(row).status) << result.reason;
  }
  EXPECT_EQ(one.at(10).status, RowStatus::kTooShort);
  EXPECT_EQ(one.at(11).status, RowStatus::kDecode);
  EXPECT_EQ(one.at(12).status, RowStatus::kMissing);
  EXPECT_TRUE(one.at(10).embedding.empty());
  EXPECT_FALSE(one.at(10).reason.empty());
}

// The devices' engine on the CPU: each row gets its own result, whatever the batches. (The embedder computes a batch row by row
// there; padding and masks are resnet_test's.)
TEST_F(RowEngineTest, BatchesGiveEachRowItsOwnResult) {
  const auto single = run(*cpu(1));
  for (const int batch : {1, 3, 64}) {
    const auto batched = run(*batches(2, batch));
    for (const auto& [row, result] : single) {
      ASSERT_EQ(result.status, batched.at(row).status) << row;
      EXPECT_EQ(result.embedding, batched.at(row).embedding) << "row " << row << " in batches of " << batch;
    }
  }
}

TEST_F(RowEngineTest, CancelReturnsWhatNobodyBegan) {
  for (auto& engine : {cpu(1), batches(1, 2)}) {
    for (std::int64_t row = 0; row < 10; ++row) engine->submit({row, row + 1});
    std::int64_t unfinished = 10 - engine->cancel();
    while (unfinished > 0) {
      ASSERT_TRUE(engine->next(10s).has_value());
      --unfinished;
    }
    EXPECT_FALSE(engine->next(50ms).has_value());
  }
}

TEST_F(RowEngineTest, AnEngineThatIsDroppedEndsItsThreads) {
  auto engine = batches(2, 2);
  for (std::int64_t row = 0; row < 10; ++row) engine->submit({row, row + 1});
}

// As when a device's memory holds three utterances: batches shrink, and the rows are the same.
TEST_F(RowEngineTest, BatchesThatDoNotFitAreHalved) {
  const auto single = run(*cpu(1));
  setenv("BALR_FAULT", "memory@extract.batch:0=3", 1);
  const auto engine = batches(2, 16);
  unsetenv("BALR_FAULT");
  const auto halved = run(*engine);
  for (const auto& [row, result] : single) EXPECT_EQ(result.embedding, halved.at(row).embedding) << row;
}

TEST_F(RowEngineTest, WhatTheDeviceCannotHoldAloneFails) {
  setenv("BALR_FAULT", "memory@extract.batch:0=0.5", 1);
  const auto engine = batches(1, 4);
  unsetenv("BALR_FAULT");
  for (const auto& [row, result] : run(*engine)) {
    EXPECT_TRUE(result.embedding.empty());
    if (row < 10) {
      EXPECT_EQ(result.status, RowStatus::kTooLong) << row;
    }
  }
}

TEST_F(RowEngineTest, TheJournalNamesWhatIsBeingDecoded) {
  const test::TempDir dir;
  Journal journal(dir.path(), "this run");
  run(*cpu(3, &journal));
  EXPECT_TRUE(find_suspects(dir.path(), "this run").rows.empty()) << "all rows have ended";
  setenv("BALR_FAULT", "hang@decode:/7.wav", 1);
  auto engine = cpu(2, &journal);
  for (std::int64_t row = 5; row < 10; ++row) engine->submit({row, row + 1});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(engine->next(10s).has_value());
  EXPECT_EQ(find_suspects(dir.path(), "this run").rows, std::vector<std::int64_t>{7});
  EXPECT_EQ(engine->give_up(0s), (std::vector<Range>{{7, 8}}));
  unsetenv("BALR_FAULT");
}

// A thread that hangs is replaced: with one thread, the other rows are done all the same.
TEST_F(RowEngineTest, AHangingDecoderIsGivenUp) {
  for (const bool device : {false, true}) {
    const test::TempDir dir;
    Journal journal(dir.path(), "this run");
    setenv("BALR_FAULT", "spin@decode:/3.wav", 1);
    auto engine = device ? batches(1, 2, &journal) : cpu(1, &journal);
    for (std::int64_t row = 0; row < 10; ++row) engine->submit({row, row + 1});
    while (find_suspects(dir.path(), "this run").rows != std::vector<std::int64_t>{3}) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(engine->give_up(0s), (std::vector<Range>{{3, 4}})) << device;
    std::set<std::int64_t> rows;
    while (rows.size() < 9) {
      const auto result = engine->next(60s);
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->status, RowStatus::kOk);
      rows.insert(result->row);
    }
    unsetenv("BALR_FAULT");
    EXPECT_EQ(rows.count(3), 0u);
    EXPECT_FALSE(engine->next(50ms).has_value());
    EXPECT_GT(engine->seconds().network, 0);
  }
}

}  // namespace
}  // namespace balr
