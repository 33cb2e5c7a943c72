// The device's path: batches, padding, precisions, memory. Runs on the CPU, where LibTorch computes the same operations, and as
// `device_gpu_test` (ctest -L gpu) with BALR_TEST_DEVICE=cuda on a GPU.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "balr/data/audio.hpp"
#include "balr/speech/embedder.hpp"
#include "extract/batch_computer.hpp"
#include "speech/device_embedder.hpp"
#include "speech/device_memory.hpp"
#include "speech/formula_weights.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string device() {
  const char* wanted = std::getenv("BALR_TEST_DEVICE");
  return wanted ? wanted : "cpu";
}

// Aloud, and counted as skipped, not as passed.
#define BALR_NEEDS_ITS_DEVICE()                                                         \
  do {                                                                                  \
    if (device() != "cpu" && at::getNumGPUs() == 0)                                     \
      GTEST_SKIP() << "BALR_TEST_DEVICE=" << device() << ", but there is no usable GPU"; \
  } while (false)

EmbedderOptions options(const std::string& precision = "fp32") {
  EmbedderOptions out;
  out.device = device();
  out.precision = precision;
  out.convolution = device() == "cpu" ? "library" : "auto";
  return out;
}

std::vector<float> noise(std::size_t samples, std::uint64_t seed) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i) out[i] = static_cast<float>(0.2 * test::formula_number(seed, i));
  return out;
}

// Length of a - b over the length of b.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    error += std::pow(double{a.at(i)} - double{b[i]}, 2);
    square += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(error / square);
}

// A small model with weights by formula; rows of 0.2 to 0.8 s.
class DeviceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);  // a loaded machine is not faster with more
    dir_ = new test::TempDir;
    ResnetConfig config;
    config.name = "ResNet18";
    write_state_dict(dir_->path() / "avg_model.pt", test::formula_weights(config));
    std::ofstream(dir_->path() / "config.yaml") << to_yaml(config);
    rows_ = new std::vector<std::vector<float>>;
    for (std::size_t i = 0; i < 9; ++i) rows_->push_back(noise(3200 + 1201 * ((5 * i) % 9), i));
    own_ = new std::vector<std::vector<float>>;
    const auto own = load({});
    for (const auto& row : *rows_) own_->push_back(own->embed(row));
  }
  static void TearDownTestSuite() {
    delete own_;
    delete rows_;
    delete dir_;
  }
  void SetUp() override { BALR_NEEDS_ITS_DEVICE(); }

  static std::unique_ptr<Embedder> load(const EmbedderOptions& how) {
    return Embedder::load(dir_->path() / "avg_model.pt", dir_->path() / "config.yaml", how);
  }
  static std::vector<std::span<const float>> spans(std::size_t first, std::size_t count) {
    return {rows_->begin() + static_cast<std::ptrdiff_t>(first), rows_->begin() + static_cast<std::ptrdiff_t>(first + count)};
  }
  static DecodedRow decoded(std::size_t row, std::int64_t chunk_samples = 0) {
    DecodedRow out;
    out.result.row = static_cast<std::int64_t>(row);
    out.clip.samples = (*rows_)[row];
    const auto length = static_cast<std::int64_t>(out.clip.samples.size());
    if (chunk_samples == 0 || length <= chunk_samples) return out;
    out.chunk_samples = chunk_samples;
    if (length % chunk_samples < 1680) out.clip.samples.resize(static_cast<std::size_t>(length - length % chunk_samples));
    return out;
  }
  // All rows through a BatchComputer, by row.
  static std::vector<RowResult> compute(const Embedder& embedder, int batch_size, std::int64_t chunk_samples = 0) {
    std::vector<RowResult> out(rows_->size());
    std::size_t count = 0;
    BatchComputer computer(embedder, {.batch_size = batch_size}, [&](RowResult result) {
      out.at(static_cast<std::size_t>(result.row)) = std::move(result);
      ++count;
    });
    for (std::size_t i = 0; i < rows_->size(); ++i) computer.add(decoded(i, chunk_samples));
    while (!computer.empty()) computer.start();
    EXPECT_EQ(computer.waiting_samples(), 0);
    computer.drain();
    EXPECT_EQ(count, rows_->size());
    return out;
  }

  inline static test::TempDir* dir_;
  inline static std::vector<std::vector<float>>*rows_, *own_;  // own_: embeddings by our own kernels on the CPU
};

TEST_F(DeviceTest, BatchesAgreeWithTheCpusOwnKernels) {
  const auto embedder = load(options());
  EXPECT_TRUE(embedder->in_batches());
  EXPECT_EQ(embedder->precision(), "fp32");
  const auto batch = embedder->embed_batch(spans(0, 9));
  for (std::size_t i = 0; i < 9; ++i) EXPECT_LT(distance(batch[i], (*own_)[i]), 3e-5) << i;
  EXPECT_GT(embedder->seconds().network, 0);
}

TEST_F(DeviceTest, ARowDoesNotDependOnItsMates) {
  const auto embedder = load(options());
  const auto all = embedder->embed_batch(spans(0, 9)), some = embedder->embed_batch(spans(3, 2));
  for (std::size_t i = 0; i < 9; ++i) EXPECT_LT(distance(all[i], embedder->embed((*rows_)[i])), 1e-5) << i;
  for (std::size_t i = 0; i < 2; ++i) EXPECT_LT(distance(some[i], all[3 + i]), 1e-5) << i;
}

// More batches than queues; the samples are overwritten as soon as they may be.
TEST_F(DeviceTest, BatchesOnTheWayDoNotDisturbEachOther) {
  const auto embedder = load(options());
  std::vector<std::vector<float>> samples;
  std::vector<std::unique_ptr<Embedder::Batch>> on_the_way;
  for (int round = 0; round < 2; ++round)
    for (std::size_t first : {0, 3, 6}) {
      samples.assign(rows_->begin() + static_cast<std::ptrdiff_t>(first), rows_->begin() + static_cast<std::ptrdiff_t>(first) + 3);
      const std::vector<std::span<const float>> views(samples.begin(), samples.end());
      on_the_way.push_back(embedder->start_batch(views));
      for (auto& row : samples) std::fill(row.begin(), row.end(), 7.0f);
    }
  for (std::size_t b = 0; b < on_the_way.size(); ++b) {
    const auto batch = on_the_way[b]->get();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(distance(batch[i], (*own_)[3 * (b % 3) + i]), 3e-5) << b << " " << i;
  }
}

// How much each precision costs is printed: the table of docs/gpu.md. The bounds tell precisions apart: half of each one's
// significand would not pass, and fp32 under another name neither.
TEST_F(DeviceTest, LowerPrecisionsCostWhatTheirBitsSay) {
  struct Case {
    const char* precision;
    double least, most;
  };
  for (const Case& c : {Case{"tf32", 2e-5, 5e-3}, Case{"fp16", 2e-5, 5e-3}, Case{"bf16", 2e-4, 4e-2}}) {
    if (device() == "cpu" && std::string(c.precision) == "tf32") continue;
    const auto embedder = load(options(c.precision));
    EXPECT_EQ(embedder->precision(), c.precision);
    const auto batch = embedder->embed_batch(spans(0, 9));
    double worst = 0;
    for (std::size_t i = 0; i < 9; ++i) worst = std::max(worst, distance(batch[i], (*own_)[i]));
    std::printf("%s on %s: L2 difference over norm %.1e\n", c.precision, device().c_str(), worst);
    EXPECT_LT(worst, c.most) << c.precision;
    EXPECT_GT(worst, c.least) << c.precision;
  }
}

// The reference's 30 utterances from FLAC, of which the quick test takes five.
TEST_F(DeviceTest, AgreesWithTheReferenceFromFlac) {
  BALR_NEEDS_TEST_DATA();
  const fs::path golden = test::test_data_folder() / "golden";
  const auto ids = test::read_text(golden / "embeddings.h5", "ids");
  const auto expected = test::read_float(golden / "embeddings.h5", "embeddings");
  const fs::path model = golden / "wespeaker-resnet34-random";
  std::vector<std::vector<float>> clips, wanted;
  for (std::size_t i = 0; i < ids.size(); i += static_cast<std::size_t>(test::by_level(6, 6, 1))) {
    clips.push_back(AudioLoader(16000, {}).load(test::test_data_folder() / "data" / "librispeech" / ids[i]).clip.samples);
    const float* row = expected.values.data() + i * 256;
    wanted.emplace_back(row, row + 256);
  }
  const std::vector<std::pair<std::string, double>> precisions = {{"fp32", 1e-4}, {"tf32", 1e-2}, {"fp16", 1e-2}, {"bf16", 8e-2}};
  for (const auto& [precision, most] : precisions) {
    if (device() == "cpu" && (precision == "tf32" || (precision != "fp32" && test::by_level(0, 0, 1) == 0))) continue;
    const auto embedder = Embedder::load(model / "avg_model.pt", model / "config.yaml", options(precision));
    double worst = 0;
    for (std::size_t first = 0; first < clips.size(); first += 5) {  // five at a time: up to 35 s each
      const std::vector<std::span<const float>> views(clips.begin() + static_cast<std::ptrdiff_t>(first),
                                                      clips.begin() + static_cast<std::ptrdiff_t>(std::min(first + 5, clips.size())));
      const auto batch = embedder->embed_batch(views);
      for (std::size_t i = 0; i < batch.size(); ++i) worst = std::max(worst, distance(batch[i], wanted[first + i]));
    }
    std::printf("ResNet34, real speech, %s on %s: L2 difference over norm %.1e\n", precision.c_str(), device().c_str(), worst);
    std::fflush(stdout);
    EXPECT_LT(worst, most) << precision;
  }
}

TEST_F(DeviceTest, EachRowGetsItsOwnResultInBatchesOfAnySize) {
  const auto embedder = load(options());
  for (const int size : {1, 4, 64}) {
    const auto results = compute(*embedder, size);
    for (std::size_t i = 0; i < 9; ++i) {
      EXPECT_EQ(results[i].status, RowStatus::kOk) << results[i].reason;
      EXPECT_LT(distance(results[i].embedding, (*own_)[i]), 3e-5) << "row " << i << " in batches of " << size;
    }
  }
}

// As when the device's memory holds two utterances, or not even one.
TEST_F(DeviceTest, WhatTheMemoryCannotHoldIsHalved) {
  const auto embedder = load(options());
  setenv("BALR_FAULT", "memory@extract.batch:0=2", 1);
  const auto results = compute(*embedder, 8);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_LT(distance(results[i].embedding, (*own_)[i]), 3e-5) << i;
  setenv("BALR_FAULT", "memory@extract.batch:0=0.5", 1);
  for (const std::int64_t chunk : {0, 4000})
    for (const RowResult& result : compute(*embedder, 8, chunk)) {
      EXPECT_EQ(result.status, RowStatus::kTooLong);
      EXPECT_NE(result.reason.find("embeddings.long=chunk"), std::string::npos) << result.reason;
    }
  unsetenv("BALR_FAULT");
}

// Chunks in batches are those one by one, and a batch of them that does not fit is halved, too.
TEST_F(DeviceTest, ChunksAreBatches) {
  const auto embedder = load(options());
  const auto own = load({});
  for (const char* fault : {"", "memory@extract.batch:0=2"}) {
    setenv("BALR_FAULT", fault, 1);
    const auto results = compute(*embedder, 4, 4000);
    unsetenv("BALR_FAULT");
    for (std::size_t i = 0; i < 9; ++i) {
      EXPECT_EQ(results[i].status, RowStatus::kOk) << results[i].reason;
      EXPECT_LT(distance(results[i].embedding, embed_row(*own, decoded(i, 4000))), 3e-5) << i;
    }
  }
}

// Real memory: all but a little of the GPU's is taken.
TEST_F(DeviceTest, AFullDeviceStillComputes) {
  if (device() == "cpu") GTEST_SKIP() << "needs a GPU (ctest -L gpu)";
  const at::Device gpu(device());
  const auto embedder = load(options());
  compute(*embedder, 1);  // what a single row takes is in LibTorch's cache
  std::vector<at::Tensor> hog;
  for (std::int64_t size = std::int64_t{1} << 36; size >= 1 << 22; size /= 2) {
    try {
      while (true) hog.push_back(at::empty({size}, at::TensorOptions(gpu).dtype(at::kByte)));
    } catch (const c10::OutOfMemoryError&) {
    }
  }
  for (const RowResult& result : compute(*embedder, 64)) {
    if (result.status == RowStatus::kTooLong) continue;
    ASSERT_EQ(result.status, RowStatus::kOk) << result.reason;
    EXPECT_LT(distance(result.embedding, (*own_)[static_cast<std::size_t>(result.row)]), 3e-5);
  }
  hog.clear();
  for (const RowResult& result : compute(*embedder, 64)) EXPECT_EQ(result.status, RowStatus::kOk);
}

TEST_F(DeviceTest, MemoryIsMeasured) {
  const auto embedder = load(options());
  embedder->embed_batch(spans(0, 9));
  if (device() == "cpu") {
    EXPECT_TRUE(std::isinf(embedder->fitting_seconds()));
    return;
  }
  // 1 MB a second of the stem's output, three or four tensors at once and the filterbank's: 2 to 50 MB.
  const double bytes = 0.8 * free_memory(at::Device(device())) / 2 / embedder->fitting_seconds();
  EXPECT_GT(bytes, 2e6);
  EXPECT_LT(bytes, 50e6);
  std::printf("memory of a padded second: %.1f MB\n", bytes / 1e6);
}

// Eight lengths an octave: at most an eighth (short rows: 15 frames) is padding.
TEST(BucketTest, AreFewAndClose) {
  std::int64_t last = 0, lengths = 0;
  for (std::int64_t frames = 1; frames <= 100000; ++frames) {
    const std::int64_t bucket = bucket_frames(frames);
    ASSERT_GE(bucket, frames);
    ASSERT_GE(bucket, last);
    ASSERT_LE(bucket - frames, std::max<std::int64_t>(15, frames / 8));
    ASSERT_EQ(bucket_frames(bucket), bucket);
    lengths += bucket != last;
    last = bucket;
  }
  EXPECT_LE(lengths, 90);
  EXPECT_EQ(bucket_frames(798), 832);
}

}  // namespace
}  // namespace balr
