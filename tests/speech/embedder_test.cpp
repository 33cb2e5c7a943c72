#include "balr/speech/embedder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <thread>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/data/audio.hpp"
#include "balr/speech/model_init.hpp"
#include "balr/weights/state_dict.hpp"
#include "speech/formula_weights.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::vector<float> noise(std::size_t samples, std::uint64_t seed) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i) out[i] = static_cast<float>(0.2 * test::formula_number(seed, i));
  return out;
}

// A small model with weights by formula.
class SmallModel {
 public:
  SmallModel() {
    ResnetConfig config;
    config.name = "ResNet18";
    write_state_dict(weights(), test::formula_weights(config));
    std::ofstream(yaml()) << to_yaml(config);
  }
  fs::path weights() const { return folder_.path() / "avg_model.pt"; }
  fs::path yaml() const { return folder_.path() / "config.yaml"; }
  std::unique_ptr<Embedder> load(const EmbedderOptions& options = {}) const {
    return Embedder::load(weights(), yaml(), options);
  }

 private:
  test::TempDir folder_;
};

double largest_difference(const std::vector<float>& a, const float* b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

// Length of a - b over the length of b.
double relative_distance(const std::vector<float>& a, const float* b) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i]) - b[i], 2);
    square += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(error / square);
}

TEST(EmbedderTest, SaysWhatItIs) {
  const SmallModel model;
  const auto embedder = model.load();
  EXPECT_EQ(embedder->dimension(), 256);
  EXPECT_EQ(embedder->rate(), 16000);
  EXPECT_EQ(embedder->min_samples(), 1680);  // 9 frames
  EXPECT_EQ(embedder->precision(), "fp32");
  EXPECT_EQ(embedder->sha256(), sha256_hex(read_file(model.weights())));
}

TEST(EmbedderTest, MinSamplesIsTheFirstFiniteLength) {
  const SmallModel model;
  const auto embedder = model.load();
  EXPECT_FALSE(std::isfinite(embedder->embed(noise(1679, 1))[0]));
  EXPECT_TRUE(std::isfinite(embedder->embed(noise(1680, 1))[0]));
}

TEST(EmbedderTest, OnTheCpuARowHasTheSameBytesWhoeverComputesIt) {
  const SmallModel model;
  const auto embedder = model.load();
  std::vector<std::vector<float>> clips;
  for (std::size_t i = 0; i < 6; ++i) clips.push_back(noise(4000 + 1777 * i, i));
  const std::vector<std::span<const float>> spans(clips.begin(), clips.end());
  const auto batch = embedder->embed_batch(spans);
  std::vector<std::vector<float>> threaded(clips.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < clips.size(); i += 3) threaded[i] = embedder->embed(clips[i]);
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < clips.size(); ++i) {
    EXPECT_EQ(embedder->embed(clips[i]), threaded[i]);
    EXPECT_EQ(batch[i], threaded[i]);
  }
  EXPECT_NE(threaded[0], threaded[1]);
}

TEST(EmbedderTest, WrongOptionsAndFilesAreNamed) {
  const SmallModel model;
  EXPECT_THROW(model.load({.device = "cpu", .precision = "tf32", .features = {}}), ConfigError);
  EXPECT_THROW(model.load({.device = "toaster", .precision = "auto", .features = {}}), ConfigError);
  EmbedderOptions bins;
  bins.features.num_mel_bins = 64;
  EXPECT_THROW(model.load(bins), ConfigError);
  std::ofstream(model.yaml()) << "model: ResNet34\nmodel_args: {feat_dim: 80, embed_dim: 256, two_emb_layer: false}\n";
  try {
    model.load();
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find(model.weights().string()), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("layer1.2.conv1.weight"), std::string::npos) << error.what();
  }
}

std::unique_ptr<Embedder> reference_model() {
  const fs::path model = test::test_data_folder() / "golden" / "wespeaker-resnet34-random";
  return Embedder::load(model / "avg_model.pt", model / "config.yaml", {});
}

TEST(EmbedderTest, AgreesWithTheReferenceFromTheWaveform) {
  BALR_NEEDS_TEST_DATA();
  const fs::path file = test::test_data_folder() / "golden" / "embeddings.h5";
  const auto waveform = test::read_float(file, "stages/waveform").values;
  const auto expected = test::read_float(file, "stages/embedding").values;
  const auto embedding = reference_model()->embed(waveform);
  ASSERT_EQ(embedding.size(), expected.size());
  EXPECT_LT(largest_difference(embedding, expected.data()), 2e-4);
}

// The reference read the same FLAC files; 30 of them, of which the quick test takes each fifth.
TEST(EmbedderTest, AgreesWithTheReferenceFromFlac) {
  BALR_NEEDS_TEST_DATA();
  const fs::path file = test::test_data_folder() / "golden" / "embeddings.h5";
  const auto ids = test::read_text(file, "ids");
  const auto expected = test::read_float(file, "embeddings");
  const auto embedder = reference_model();
  const AudioLoader loader(embedder->rate(), {});
  ASSERT_EQ(ids.size(), 30u);
  for (std::size_t i = 0; i < ids.size(); i += static_cast<std::size_t>(test::by_level(5, 1, 1))) {
    const DecodeResult decoded = loader.load(test::test_data_folder() / "data" / "librispeech" / ids[i]);
    ASSERT_EQ(decoded.status, RowStatus::kOk) << ids[i] << ": " << decoded.reason;
    const auto embedding = embedder->embed(decoded.clip.samples);
    EXPECT_LT(largest_difference(embedding, expected.values.data() + i * 256), 2e-4) << ids[i];
    EXPECT_LT(relative_distance(embedding, expected.values.data() + i * 256), 1e-4) << ids[i];
  }
}

TEST(ModelInitTest, MakesAModelThatLoadsAndStaysSane) {
  const test::TempDir folder;
  const std::vector<std::vector<float>> clips{noise(40000, 1), noise(9000, 2), noise(32000, 3), noise(100, 4)};
  init_model(folder.path() / "a", clips, 7, "ResNet18");
  const auto embedder = Embedder::load(folder.path() / "a" / "avg_model.pt", folder.path() / "a" / "config.yaml", {});
  const auto one = embedder->embed(clips[0]), other = embedder->embed(clips[1]);
  double square = 0;
  for (const float value : one) square += static_cast<double>(value) * value;
  EXPECT_GT(square / 256, 1e-4);
  EXPECT_LT(square / 256, 100);
  EXPECT_NE(one, other);

  init_model(folder.path() / "b", clips, 7, "ResNet18");
  EXPECT_EQ(read_file(folder.path() / "a" / "avg_model.pt"), read_file(folder.path() / "b" / "avg_model.pt"));
  init_model(folder.path() / "c", clips, 8, "ResNet18");
  EXPECT_NE(read_file(folder.path() / "a" / "avg_model.pt"), read_file(folder.path() / "c" / "avg_model.pt"));
}

TEST(ModelInitTest, NoAudioAndNoSuchModelAreErrors) {
  const test::TempDir folder;
  EXPECT_THROW(init_model(folder.path() / "x", {}, 1, "ResNet18"), DataError);
  EXPECT_THROW(init_model(folder.path() / "x", {noise(9000, 1)}, 1, "ResNet19"), ConfigError);
  EXPECT_FALSE(fs::exists(folder.path() / "x"));
}

}  // namespace
}  // namespace balr
