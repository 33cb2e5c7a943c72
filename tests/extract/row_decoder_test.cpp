#include "extract/row_decoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "balr/speech/model_init.hpp"
#include "extract/same_file.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kShortest = 1680;  // samples: 9 frames

std::vector<float> sound(std::size_t count) {
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i);
    out.push_back(static_cast<float>(0.3 * std::sin(0.05 * t) * std::sin(0.0007 * t + 0.5)));
  }
  return out;
}

// 32-bit float, mono, 16 kHz.
void write_wav(const fs::path& file, const std::vector<float>& samples) {
  std::ofstream out(file, std::ios::binary);
  const auto word = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.put(static_cast<char>(value >> (8 * i)));
  };
  const auto size = static_cast<std::uint32_t>(4 * samples.size());
  out << "RIFF";
  word(36 + size, 4);
  out << "WAVEfmt ";
  word(16, 4), word(3, 2), word(1, 2), word(16000, 4), word(64000, 4), word(4, 2), word(32, 2);
  out << "data";
  word(size, 4);
  out.write(reinterpret_cast<const char*>(samples.data()), size);
}

class RowDecoderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::TempDir;
    init_model(dir_->path() / "model", {sound(32000)}, 1, "ResNet18");
    embedder_ = Embedder::load(dir_->path() / "model" / "avg_model.pt",
                               dir_->path() / "model" / "config.yaml", {})
                    .release();
  }
  static void TearDownTestSuite() {
    delete embedder_;
    delete dir_;
  }
  std::int64_t add(const std::vector<float>& samples, const AudioPiece& piece = {}) {
    const fs::path file = dir_->path() / (std::to_string(manifest_.rows.size()) + ".wav");
    write_wav(file, samples);
    return add_piece(file, piece);
  }
  std::int64_t add_piece(const fs::path& file, const AudioPiece& piece) {
    Utterance row;
    row.id = std::to_string(manifest_.rows.size());
    row.path = file.string();
    row.piece = piece;
    manifest_.rows.push_back(row);
    manifest_.has_pieces = manifest_.has_pieces || piece != AudioPiece{};
    return static_cast<std::int64_t>(manifest_.rows.size()) - 1;
  }
  DecodedRow decode(std::int64_t row, const RowRules& rules = {}) {
    auto rows = RowDecoder(manifest_, rules, *embedder_).decode({row, row + 1});
    return std::move(rows.at(0));
  }

  inline static test::TempDir* dir_;
  inline static const Embedder* embedder_;
  Manifest manifest_;
};

TEST_F(RowDecoderTest, WhatIsTooShort) {
  EXPECT_EQ(decode(add(sound(kShortest - 1))).result.status, RowStatus::kTooShort);
  const auto enough = decode(add(sound(kShortest)));
  EXPECT_TRUE(enough.ready());
  EXPECT_EQ(enough.result.reason, "");
  RowRules rules;
  rules.min_seconds = 0.5;
  EXPECT_EQ(decode(add(sound(7999)), rules).result.status, RowStatus::kTooShort);
  EXPECT_TRUE(decode(add(sound(8000)), rules).ready());
}

TEST_F(RowDecoderTest, ShortAudioIsRepeatedOnRequest) {
  RowRules rules;
  rules.repeat_short = true;
  for (const std::size_t count : {std::size_t{1}, std::size_t{700}, std::size_t{kShortest - 1}}) {
    const auto samples = sound(count);
    const auto out = decode(add(samples), rules);
    ASSERT_TRUE(out.ready());
    EXPECT_EQ(out.result.reason, kRepeatedNote);
    ASSERT_EQ(out.clip.samples.size(), static_cast<std::size_t>(kShortest));
    for (std::size_t i = 0; i < out.clip.samples.size(); ++i)
      ASSERT_EQ(out.clip.samples[i], samples[i % count]);
    EXPECT_DOUBLE_EQ(out.result.seconds, static_cast<double>(count) / 16000);
  }
  EXPECT_EQ(decode(add(sound(kShortest)), rules).result.reason, "");
}

TEST_F(RowDecoderTest, LongAudioIsCutRefusedOrDivided) {
  const auto row = add(sound(16000 * 3 + 4000)), exact = add(sound(16000));
  RowRules rules;
  rules.limits.max_seconds = 1;
  EXPECT_EQ(decode(row, rules).result.status, RowStatus::kTooLong);
  EXPECT_TRUE(decode(exact, rules).ready());
  rules.limits.truncate = true;
  const auto cut = decode(row, rules);
  EXPECT_EQ(cut.clip.samples, sound(16000));
  EXPECT_EQ(cut.result.reason, kTruncatedNote);
  EXPECT_EQ(decode(exact, rules).result.reason, "");
  RowRules chunks;
  chunks.chunk_seconds = 1;
  const auto divided = decode(row, chunks);
  EXPECT_EQ(divided.chunk_samples, 16000);
  EXPECT_EQ(divided.result.reason, kChunkedNote);
  EXPECT_EQ(divided.clip.samples.size(), 52000u);
  EXPECT_EQ(decode(exact, chunks).chunk_samples, 0);
}

// 3 chunks and a rest that is too short for the model: left out, and not counted as used.
TEST_F(RowDecoderTest, TheRestOfTheChunks) {
  RowRules rules;
  rules.chunk_seconds = 1;
  const auto out = decode(add(sound(48000 + kShortest - 1)), rules);
  EXPECT_EQ(out.clip.samples.size(), 48000u);
  EXPECT_DOUBLE_EQ(out.result.seconds, 3);
  const auto all = decode(add(sound(48000 + kShortest)), rules);
  EXPECT_EQ(all.clip.samples.size(), 48000u + kShortest);
}

TEST_F(RowDecoderTest, ChunksAreWeightedByTheirLengths) {
  RowRules rules;
  rules.chunk_seconds = 1;
  const auto samples = sound(16000 * 2 + 6000);
  const auto row = decode(add(samples), rules);
  const auto mean = embed_row(*embedder_, row);
  std::vector<double> expected(mean.size(), 0);
  const std::span<const float> all(samples);
  for (const auto& part : {all.first(16000), all.subspan(16000, 16000), all.subspan(32000)}) {
    const auto embedding = embedder_->embed(part);
    double norm = 0;
    for (const float value : embedding) norm += double{value} * value;
    for (std::size_t i = 0; i < mean.size(); ++i)
      expected[i] += embedding[i] / std::sqrt(norm) * static_cast<double>(part.size()) / 38000;
  }
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean[i], expected[i], 1e-7);
  EXPECT_EQ(embed_row(*embedder_, decode(add(samples))), embedder_->embed(samples));
}

TEST_F(RowDecoderTest, RowsOfOneFileAreWhatEachIsAlone) {
  const fs::path file = dir_->path() / "pieces.wav";
  write_wav(file, sound(64000));
  for (int i = 0; i < 8; ++i) add_piece(file, {0.5 * i, 0.5 * i + 1, i == 6 ? 1 : -1});
  const RowDecoder decoder(manifest_, {}, *embedder_);
  const auto together = decoder.decode({0, 8});
  ASSERT_EQ(together.size(), 8u);
  for (std::int64_t row = 0; row < 8; ++row) {
    const auto& one = together[static_cast<std::size_t>(row)];
    const auto alone = decode(row);
    EXPECT_EQ(one.result.row, row);
    EXPECT_EQ(one.result.status, alone.result.status);
    EXPECT_EQ(one.clip.samples, alone.clip.samples);
    EXPECT_EQ(one.result.file_size, 64000 * 4 + 44);
    EXPECT_GT(one.result.file_time, 0);
  }
  EXPECT_EQ(together[6].result.status, RowStatus::kOutOfRange);
  EXPECT_EQ(together[7].result.status, RowStatus::kOutOfRange);  // 3.5 to 4.5 of 4 s
}

TEST_F(RowDecoderTest, RowsWithoutAudio) {
  const auto row = add_piece("", {});
  EXPECT_EQ(decode(row).result.status, RowStatus::kMissing);
  EXPECT_EQ(decode(row).result.file_size, -1);
  EXPECT_EQ(decode(add_piece(dir_->path() / "none.wav", {})).result.status, RowStatus::kMissing);
}

TEST_F(RowDecoderTest, RunsOfNeighboursWithOneFile) {
  add_piece("a", {0, 1, -1});                      // 0
  add_piece("a", {5, 6, -1});                      // 1
  add_piece("b", {0, 1, -1});                      // 2
  add_piece("a", {1, 2, -1});                      // 3
  add_piece("a", {2, 3, -1});                      // 4
  add_piece("a", {0, 1700, -1});                   // 5
  add_piece("a", {0, 99, -1});                     // 6: too much together
  for (int i = 0; i < 4; ++i) add_piece("c", {});  // 7 to 10: no end counts for ten minutes
  const std::int64_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(same_file_runs(manifest_, all),
            (std::vector<Range>{{0, 2}, {2, 3}, {3, 6}, {6, 7}, {7, 10}, {10, 11}}));
  const std::int64_t some[] = {0, 3, 5};
  EXPECT_EQ(same_file_runs(manifest_, some), (std::vector<Range>{{0, 1}, {3, 4}, {5, 6}}));
  manifest_.has_pieces = false;
  EXPECT_EQ(same_file_runs(manifest_, all).size(), 11u);
  EXPECT_TRUE(same_file_runs(manifest_, {}).empty());
}

}  // namespace
}  // namespace balr
