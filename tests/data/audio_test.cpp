#include "balr/data/audio.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "balr/data/resampler.hpp"
#include "data/audio_files.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using AudioTest = AudioFiles;

TEST_F(AudioTest, EveryFormatOfLibsndfile) {
  const auto x = tone(16000, 0.05);
  for (const auto& [name, format] : kFormats) {
    const auto out = loader_.load(write(name, format, 1, 16000, x));
    ASSERT_EQ(out.status, RowStatus::kOk) << name << ": " << out.reason;
    EXPECT_NEAR(static_cast<double>(out.clip.samples.size()), 16000, 2400)
        << name;  // lossy codecs pad
    double power = 0;
    for (const float s : out.clip.samples) power += double{s} * s;
    EXPECT_NEAR(power / static_cast<double>(out.clip.samples.size()), 0.045, 0.01) << name;
  }
  const auto wav = loader_.load(dir_.path() / "a.wav"), flac = loader_.load(dir_.path() / "a.flac");
  EXPECT_EQ(wav.clip.samples, flac.clip.samples);
  EXPECT_DOUBLE_EQ(wav.clip.seconds, 1.0);
}

TEST_F(AudioTest, StereoIsResampledPerChannelThenAveraged) {
  const auto left = tone(24000, 0.01), right = tone(24000, 0.03);
  std::vector<float> both;
  for (std::size_t i = 0; i < left.size(); ++i) both.insert(both.end(), {left[i], right[i]});
  const auto out = loader_.load(write("s.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 24000, both));
  ASSERT_EQ(out.status, RowStatus::kOk);
  const Resampler resampler(24000, 16000);
  const auto l = resampler.resample(left), r = resampler.resample(right);
  for (std::size_t i = 0; i < l.size(); ++i) ASSERT_EQ(out.clip.samples[i], (l[i] + r[i]) / 2);
  EXPECT_EQ(out.clip.source_rate, 24000);
}

TEST_F(AudioTest, StereoEqualsTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden" / "resample.h5";
  for (const int rate : {16000, 24000}) {
    const std::string group = "stereo/" + std::to_string(rate);
    const auto pcm = test::read_int(file, group + "/pcm16");  // (2, n)
    const std::size_t n = pcm.shape[1];
    std::vector<float> interleaved;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < 2; ++c)
        interleaved.push_back(static_cast<float>(pcm.values[c * n + i]) / 32768);
    const auto out =
        loader_.load(write("g.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2, rate, interleaved));
    const auto expected = test::read_float(file, group + "/output").values;
    ASSERT_EQ(out.clip.samples.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(out.clip.samples[i], expected[i], rate == 16000 ? 0 : 3e-7) << i;
  }
}

TEST_F(AudioTest, AbsurdRates) {
  const auto x = tone(48000, 0.05);
  for (const int rate : {1, 999, 1'000'001})
    EXPECT_EQ(status(write("r.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, rate, x)),
              RowStatus::kDecode);
  const auto slow = write("r.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 1000, x);
  EXPECT_EQ(loader_.load(slow).clip.samples.size(), 48000u * 16);
  const AudioLoader small(16000,
                          {.max_values = 48000 * 16 - 1});  // counts what resampling makes of it
  EXPECT_EQ(small.load(slow).status, RowStatus::kTooLong);
}

// More resamplers than the cache holds: results do not depend on what is in it.
TEST_F(AudioTest, ManyRatesThroughOneLoader) {
  const AudioLoader loader(16000, {.max_cached_taps = 5000});
  const auto x = tone(2000, 0.05);
  for (const int rate : {22050, 24000, 48000, 8000, 22050, 11025, 24000}) {
    const auto file = write("r.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, rate, x);
    EXPECT_EQ(loader.load(file).clip.samples, Resampler(rate, 16000).resample(x)) << rate;
  }
}

TEST_F(AudioTest, CapsOnSecondsAndChannels) {
  const AudioLoader strict(16000, {.max_seconds = 0.5, .max_channels = 2});
  const auto x = tone(48000, 0.05);
  EXPECT_EQ(strict.load(write("l.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x)).status,
            RowStatus::kTooLong);
  EXPECT_EQ(strict.load(write("c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4, 16000, x)).status,
            RowStatus::kDecode);
}

TEST_F(AudioTest, ThreadsShareALoader) {
  const auto file = write("t.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 22050, tone(22050, 0.05));
  const auto expected = loader_.load(file).clip.samples;
  std::vector<std::thread> threads;
  std::atomic<int> equal{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { equal += loader_.load(file).clip.samples == expected; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(equal, 4);
}

}  // namespace
}  // namespace balr
