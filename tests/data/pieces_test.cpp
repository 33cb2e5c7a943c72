// Pieces of files: start, end, channel; several of them from one pass.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "balr/data/audio.hpp"
#include "balr/data/resampler.hpp"
#include "data/audio_files.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class Pieces : public AudioFiles {
 protected:
  // Three channels of 4 s, each another sound.
  fs::path stereo(int rate, int format = SF_FORMAT_WAV | SF_FORMAT_FLOAT) {
    channels_.clear();
    for (int c = 0; c < 3; ++c) {
      auto x = tone(static_cast<std::size_t>(4 * rate), 0.01 * (c + 1));
      for (float& value : x) value += 0.01f * static_cast<float>(c);
      channels_.push_back(std::move(x));
    }
    std::vector<float> mixed;
    for (std::size_t i = 0; i < channels_[0].size(); ++i)
      for (const auto& channel : channels_) mixed.push_back(channel[i]);
    return write("three.wav", format, 3, rate, mixed);
  }
  // What a file with nothing but the piece would give.
  std::vector<float> expected(int rate, std::int64_t begin, std::int64_t end, int channel) {
    std::vector<float> sum;
    for (int c = 0; c < 3; ++c) {
      if (channel >= 0 && c != channel) continue;
      const auto& all = channels_[static_cast<std::size_t>(c)];
      std::vector<float> part(all.begin() + begin, all.begin() + end);
      if (rate != 16000) part = Resampler(rate, 16000).resample(part);
      if (sum.empty()) {
        sum = part;
      } else {
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
      }
    }
    if (channel < 0)
      for (float& value : sum) value /= 3;
    return sum;
  }
  RowStatus status(const fs::path& file, const AudioPiece& piece) {
    return loader_.load(file, piece).status;
  }
  std::vector<std::vector<float>> channels_;
};

TEST_F(Pieces, AreWhatAFileOfThePieceAloneGives) {
  for (const int rate : {16000, 24000, 44100, 8000}) {
    const auto file = stereo(rate);
    const struct {
      AudioPiece piece;
      double begin, end;
    } cases[] = {{{}, 0, 4},
                 {{0.5, 1.25, 0}, 0.5, 1.25},
                 {{0, 4, 2}, 0, 4},
                 {{1, -1, -1}, 1, 4},
                 {{3.9, 4, 1}, 3.9, 4},
                 {{0, 0.25, -1}, 0, 0.25},
                 {{0, 0.001, -1}, 0, 0.001}};
    for (const auto& [piece, begin, end] : cases) {
      SCOPED_TRACE(std::to_string(rate) + " Hz from " + std::to_string(begin));
      const auto out = loader_.load(file, piece);
      ASSERT_EQ(out.status, RowStatus::kOk) << out.reason;
      const auto from = std::llround(begin * rate), to = std::llround(end * rate);
      EXPECT_EQ(out.clip.samples, expected(rate, from, to, piece.channel));
      EXPECT_DOUBLE_EQ(out.clip.seconds, static_cast<double>(to - from) / rate);
    }
  }
}

TEST_F(Pieces, OnePassGivesWhatSinglePassesGive) {
  std::mt19937 rng(5);
  const auto file = stereo(22050);
  std::vector<AudioPiece> pieces(40);
  for (AudioPiece& piece : pieces) {
    piece.start = 0.01 * static_cast<double>(rng() % 450);  // some begin behind the end
    piece.end = rng() % 4 == 0 ? -1 : piece.start + 0.02 * static_cast<double>(1 + rng() % 50);
    piece.channel = static_cast<int>(rng() % 5) - 1;  // some do not exist
  }
  const auto together = loader_.load(file, pieces);
  ASSERT_EQ(together.size(), pieces.size());
  int bad = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto alone = loader_.load(file, pieces[i]);
    EXPECT_EQ(together[i].status, alone.status);
    EXPECT_EQ(together[i].reason, alone.reason);
    EXPECT_EQ(together[i].clip.samples, alone.clip.samples);
    bad += alone.status != RowStatus::kOk;
  }
  EXPECT_GT(bad, 5);
  EXPECT_LT(bad, 35);
}

TEST_F(Pieces, OutsideTheFile) {
  const auto file = stereo(16000);
  EXPECT_EQ(status(file, {0, 4.005, -1}), RowStatus::kOk);  // rounded in the third place
  EXPECT_EQ(status(file, {0, 4.02, -1}), RowStatus::kOutOfRange);
  EXPECT_EQ(status(file, {4, -1, -1}), RowStatus::kOutOfRange);
  EXPECT_EQ(status(file, {4, 4.005, -1}), RowStatus::kOutOfRange);
  EXPECT_EQ(status(file, {1e300, 2e300, -1}), RowStatus::kOutOfRange);
  EXPECT_EQ(status(file, {0, 1, 3}), RowStatus::kOutOfRange);
  const AudioLoader kaldi(16000, {.max_overshoot = 0.5});
  EXPECT_EQ(kaldi.load(file, {3, 4.4, -1}).clip.samples.size(), 16000u);
  EXPECT_EQ(kaldi.load(file, {3, 4.6, -1}).status, RowStatus::kOutOfRange);
}

// Only what lies before a piece's end can spoil it.
TEST_F(Pieces, DamageBehindAPieceDoesNotTouchIt) {
  auto flac =
      content(write("a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, tone(64000, 0.05)));
  for (std::size_t i = flac.size() / 2; i < flac.size() / 2 + 100; ++i) flac[i] ^= 0x55;
  const auto file = bytes("damaged.flac", flac);
  EXPECT_EQ(status(file, {}), RowStatus::kDecode);
  EXPECT_EQ(status(file, {0, 0.5, -1}), RowStatus::kOk);
  EXPECT_EQ(status(file, {3, 3.5, -1}), RowStatus::kDecode);
  auto nan = tone(48000, 0.05);
  nan[20000] = NAN;
  const auto wav = write("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, nan);
  const AudioPiece pieces[] = {{0, 1, -1}, {1, 2, -1}, {2, 3, -1}, {}};
  const auto out = loader_.load(wav, pieces);
  EXPECT_EQ(out[0].status, RowStatus::kOk);
  EXPECT_EQ(out[1].status, RowStatus::kNonFinite);
  EXPECT_EQ(out[2].status, RowStatus::kOk);
  EXPECT_EQ(out[3].status, RowStatus::kNonFinite);
}

TEST_F(Pieces, OneChannelIsSpoiltByItselfAlone) {
  auto x = tone(4000, 0.05);
  x[1001] = NAN;  // of channel 1
  const auto file = write("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 16000, x);
  EXPECT_EQ(status(file, {0, -1, 0}), RowStatus::kOk);
  EXPECT_EQ(status(file, {0, -1, 1}), RowStatus::kNonFinite);
  EXPECT_EQ(status(file, {}), RowStatus::kNonFinite);
}

TEST_F(Pieces, TheFirstSecondsOfWhatIsTooLong) {
  for (const int rate : {16000, 44100}) {
    const auto file = stereo(rate);
    const AudioLoader cutting(16000, {.max_seconds = 1.5, .truncate = true});
    const auto out = cutting.load(file);
    ASSERT_EQ(out.status, RowStatus::kOk);
    EXPECT_TRUE(out.clip.truncated);
    EXPECT_EQ(out.clip.samples, loader_.load(file, {0, 1.5, -1}).clip.samples);
    EXPECT_DOUBLE_EQ(out.clip.seconds, 1.5);
    const auto piece = cutting.load(file, {0.5, 2, 1});  // just not too long
    EXPECT_FALSE(piece.clip.truncated);
    EXPECT_EQ(piece.clip.samples, loader_.load(file, {0.5, 2, 1}).clip.samples);
    EXPECT_EQ(cutting.load(file, {0.5, 2.2, 1}).clip.samples, piece.clip.samples);
    const AudioLoader strict(16000, {.max_seconds = 1.5});
    EXPECT_EQ(strict.load(file, {0.5, 2, 1}).status, RowStatus::kOk);
    EXPECT_EQ(strict.load(file, {0.5, 2.2, 1}).status, RowStatus::kTooLong);
  }
}

// Blocks of any size, periods longer than a block, a signal shorter than the kernel.
TEST(StreamResampler, GivesTheBytesOfTheWholeSignal) {
  std::mt19937 rng(3);
  for (const int rate : {8000, 11025, 24000, 44100, 48000, 15999, 99991, 997}) {
    const auto resampler = std::make_shared<const Resampler>(rate, 16000);
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{30011}}) {
      std::vector<float> signal(length);
      for (float& value : signal) value = static_cast<float>(rng() % 2001) / 1000 - 1;
      StreamResampler stream(resampler);
      std::vector<float> out;
      for (std::size_t at = 0; at < length;) {
        const std::size_t count = std::min<std::size_t>(length - at, rng() % 5000);
        stream.add(std::span(signal).subspan(at, count), out);
        at += count;
      }
      stream.finish(out);
      ASSERT_EQ(out, resampler->resample(signal)) << rate << " Hz, " << length;
    }
  }
}

}  // namespace
}  // namespace balr
