#include "balr/data/audio.hpp"

#include <gtest/gtest.h>
#include <sndfile.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include "balr/data/resampler.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

class AudioTest : public ::testing::Test {
 protected:
  // Interleaved samples.
  fs::path write(const std::string& name, int format, int channels, int rate, const std::vector<float>& samples) {
    SF_INFO info{};
    info.channels = channels;
    info.samplerate = rate;
    info.format = format;
    const fs::path file = dir_.path() / name;
    SNDFILE* out = sf_open(file.c_str(), SFM_WRITE, &info);
    if (!out) throw std::runtime_error(sf_strerror(nullptr));
    sf_writef_float(out, samples.data(), static_cast<sf_count_t>(samples.size()) / channels);
    sf_close(out);
    return file;
  }
  fs::path bytes(const std::string& name, const std::string& content) {
    std::ofstream(dir_.path() / name, std::ios::binary) << content;
    return dir_.path() / name;
  }
  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::vector<float> tone(std::size_t count, double step) {
    std::vector<float> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<float>(0.3 * std::sin(step * static_cast<double>(i))));
    return out;
  }
  RowStatus status(const fs::path& file) { return loader_.load(file).status; }

  test::TempDir dir_;
  AudioLoader loader_{16000, {}};
};

TEST_F(AudioTest, EveryFormatOfLibsndfile) {
  const auto x = tone(16000, 0.05);
  const std::vector<std::pair<const char*, int>> formats = {
      {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16}, {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
      {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS}, {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
      {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}};
  for (const auto& [name, format] : formats) {
    const auto out = loader_.load(write(name, format, 1, 16000, x));
    ASSERT_EQ(out.status, RowStatus::kOk) << name << ": " << out.reason;
    EXPECT_NEAR(static_cast<double>(out.clip.samples.size()), 16000, 2400) << name;  // lossy codecs pad
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
      for (std::size_t c = 0; c < 2; ++c) interleaved.push_back(static_cast<float>(pcm.values[c * n + i]) / 32768);
    const auto out = loader_.load(write("g.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2, rate, interleaved));
    const auto expected = test::read_float(file, group + "/output").values;
    ASSERT_EQ(out.clip.samples.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(out.clip.samples[i], expected[i], rate == 16000 ? 0 : 3e-7) << i;
  }
}

TEST_F(AudioTest, BrokenFilesGetAStatus) {
  EXPECT_EQ(status(dir_.path() / "none.wav"), RowStatus::kMissing);
  EXPECT_EQ(status(dir_.path()), RowStatus::kMissing);
  mkfifo((dir_.path() / "fifo.wav").c_str(), 0600);
  EXPECT_EQ(status(dir_.path() / "fifo.wav"), RowStatus::kMissing);
  EXPECT_EQ(status(bytes("empty.wav", "")), RowStatus::kDecode);
  EXPECT_EQ(status(bytes("text.wav", "This is a text.\n")), RowStatus::kDecode);
  EXPECT_EQ(status(bytes("magic.flac", "fLaC" + std::string(300, '\x42'))), RowStatus::kDecode);
  const auto x = tone(48000, 0.05);
  const auto flac = content(write("whole.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, x));
  EXPECT_EQ(status(bytes("cut.flac", flac.substr(0, flac.size() / 2))), RowStatus::kDecode);
  EXPECT_EQ(status(write("no_frames.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, {})), RowStatus::kDecode);
  auto nan = x;
  nan[100] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(status(write("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, nan)), RowStatus::kNonFinite);
}

TEST_F(AudioTest, HeadersThatLieAboutTheLength) {
  const auto x = tone(16000, 0.05);
  auto wav = content(write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x));
  ASSERT_EQ(wav.substr(36, 4), "data");
  for (const std::uint32_t size : {0x7FFFFFF0u, 0xFFFFFFFFu}) {
    for (int i = 0; i < 4; ++i) wav[40 + static_cast<std::size_t>(i)] = static_cast<char>(size >> (8 * i));
    const auto out = loader_.load(bytes("long.wav", wav));
    ASSERT_EQ(out.status, RowStatus::kOk) << out.reason;
    EXPECT_EQ(out.clip.samples.size(), 16000u);
  }
}

TEST_F(AudioTest, CapsOnSecondsAndChannels) {
  const AudioLoader strict(16000, {.max_seconds = 0.5, .max_channels = 2});
  const auto x = tone(48000, 0.05);
  EXPECT_EQ(strict.load(write("l.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x)).status, RowStatus::kTooLong);
  EXPECT_EQ(strict.load(write("c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4, 16000, x)).status, RowStatus::kDecode);
}

TEST_F(AudioTest, ThreadsShareALoader) {
  const auto file = write("t.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 22050, tone(22050, 0.05));
  const auto expected = loader_.load(file).clip.samples;
  std::vector<std::thread> threads;
  std::atomic<int> equal{0};
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { equal += loader_.load(file).clip.samples == expected; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(equal, 4);
}

}  // namespace
}  // namespace balr
