#include "balr/data/audio.hpp"

#include <gtest/gtest.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <thread>

#include "balr/data/resampler.hpp"
#include "support/golden.hpp"

// libsndfile 1.2 forgets 6 KB for each broken Vorbis file; LeakSanitizer shall tell of ours only.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

namespace {
std::atomic<int> closed_in_vain{0};
}

// Takes the C library's place in this program, for libsndfile too: counts descriptors closed twice.
extern "C" int close(int fd) {
  const auto result = static_cast<int>(syscall(SYS_close, fd));
  if (result != 0) ++closed_in_vain;
  return result;
}

namespace balr {
namespace {

namespace fs = std::filesystem;

class AudioTest : public ::testing::Test {
 protected:
  // Interleaved samples.
  fs::path write(const std::string& name, int format, int channels, int rate,
                 const std::vector<float>& samples) {
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
  // The number of frames in the STREAMINFO block: 36 bits.
  static void set_flac_frames(std::string& flac, std::uint64_t frames) {
    flac[21] = static_cast<char>((flac[21] & 0xF0) | static_cast<char>(frames >> 32 & 0x0F));
    for (std::size_t i = 0; i < 4; ++i) flac[22 + i] = static_cast<char>(frames >> (24 - 8 * i));
  }
  static std::vector<float> tone(std::size_t count, double step) {
    std::vector<float> out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(static_cast<float>(0.3 * std::sin(step * static_cast<double>(i))));
    return out;
  }
  // The same utterance in every format of libsndfile: name and bytes.
  std::vector<std::pair<std::string, std::string>> every_format() {
    const auto x = tone(32000, 0.05);
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, format] : kFormats)
      out.emplace_back(name, content(write(name, format, 1, 16000, x)));
    return out;
  }
  RowStatus status(const fs::path& file) { return loader_.load(file).status; }

  static constexpr std::pair<const char*, int> kFormats[] = {
      {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
      {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
      {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
      {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
      {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}};
  test::TempDir dir_;
  AudioLoader loader_{16000, {}};
};

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

TEST_F(AudioTest, BrokenFilesGetAStatus) {
  EXPECT_EQ(status(dir_.path() / "none.wav"), RowStatus::kMissing);
  EXPECT_EQ(status(dir_.path()), RowStatus::kMissing);
  mkfifo((dir_.path() / "fifo.wav").c_str(), 0600);
  EXPECT_EQ(status(dir_.path() / "fifo.wav"), RowStatus::kMissing);
  std::error_code ignored;
  fs::create_symlink("loop.wav", dir_.path() / "loop.wav", ignored);
  EXPECT_EQ(status(dir_.path() / "loop.wav"), RowStatus::kMissing);
  EXPECT_EQ(status("/dev/zero"), RowStatus::kMissing);
  EXPECT_EQ(status(dir_.path() / std::string(5000, 'x')), RowStatus::kMissing);
  EXPECT_EQ(status(bytes("empty.wav", "")), RowStatus::kDecode);
  EXPECT_EQ(status(bytes("text.wav", "This is a text.\n")), RowStatus::kDecode);
  EXPECT_EQ(status(bytes("magic.flac", "fLaC" + std::string(300, '\x42'))), RowStatus::kDecode);
  const auto x = tone(48000, 0.05);
  const auto flac = content(write("whole.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, x));
  EXPECT_EQ(status(bytes("cut.flac", flac.substr(0, flac.size() / 2))), RowStatus::kDecode);
  EXPECT_EQ(status(write("no_frames.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, {})),
            RowStatus::kDecode);
  auto nan = x;
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    nan[100] = value;
    EXPECT_EQ(status(write("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, nan)),
              RowStatus::kNonFinite);
  }
}

// A flipped bit, a hole, rubbish behind the end.
TEST_F(AudioTest, DamageInTheMiddleOfAFlacIsFoundAndRubbishBehindItIsNot) {
  const auto x = tone(48000, 0.05);
  const auto file = write("whole.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, x);
  const auto flac = content(file);
  for (const std::size_t length : {1u, 1000u}) {
    auto damaged = flac;
    for (std::size_t i = 0; i < length; ++i) damaged[flac.size() / 2 + i] ^= 0x55;
    EXPECT_EQ(status(bytes("damaged.flac", damaged)), RowStatus::kDecode) << length;
    set_flac_frames(damaged, 0);  // "unknown": only the decoder's error can tell
    EXPECT_EQ(status(bytes("damaged.flac", damaged)), RowStatus::kDecode) << length;
  }
  std::mt19937 rng(1);
  std::string rubbish(5000, ' ');
  for (char& c : rubbish) c = static_cast<char>(rng());
  const auto out = loader_.load(bytes("tail.flac", flac + rubbish));
  ASSERT_EQ(out.status, RowStatus::kOk) << out.reason;
  EXPECT_EQ(out.clip.samples, loader_.load(file).clip.samples);
}

TEST_F(AudioTest, FlacHeadersThatLieAboutTheLength) {
  const auto x = tone(48000, 0.05);
  auto flac = content(write("a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, x));
  set_flac_frames(flac, 0);  // not known when the header was written
  EXPECT_EQ(loader_.load(bytes("b.flac", flac)).clip.samples.size(), 48000u);
  set_flac_frames(flac, 96000);
  EXPECT_EQ(status(bytes("b.flac", flac)), RowStatus::kDecode);
  set_flac_frames(flac, (std::uint64_t{1} << 36) - 1);
  EXPECT_EQ(status(bytes("b.flac", flac)), RowStatus::kDecode);
  set_flac_frames(flac, 24000);  // libsndfile stops there
  EXPECT_EQ(loader_.load(bytes("b.flac", flac)).clip.samples.size(), 24000u);
}

TEST_F(AudioTest, ATruncatedWavGivesWhatIsThere) {
  const auto x = tone(16000, 0.05);
  const auto file = write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x);
  const auto whole = loader_.load(file).clip.samples;
  const auto out = loader_.load(bytes("cut.wav", content(file).substr(0, 44 + 2 * 5000)));
  ASSERT_EQ(out.status, RowStatus::kOk);
  EXPECT_EQ(out.clip.samples, std::vector<float>(whole.begin(), whole.begin() + 5000));
  EXPECT_EQ(status(bytes("head.wav", content(file).substr(0, 30))), RowStatus::kDecode);
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

// Every byte of a header may lie, and the decoder may say what it likes: a status, finite samples,
// no sound on the terminal, and each descriptor is closed once.
TEST_F(AudioTest, DamagedFilesOfEveryFormat) {
  const AudioLoader strict(16000, {.max_seconds = 60, .max_values = 5'000'000});
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  closed_in_vain = 0;
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  std::mt19937 rng(7);
  int bad = 0;
  for (const auto& [name, whole] : every_format()) {
    for (int i = 0; i < test::by_level(60, 600, 6000); ++i) {
      std::string damaged = whole;
      const std::size_t reach =
          i % 2 == 0 ? std::min<std::size_t>(256, whole.size()) : whole.size();
      for (int flips = 1 + i % 4; flips > 0; --flips)
        damaged[rng() % reach] = static_cast<char>(rng());
      if (i % 5 == 0) damaged.resize(rng() % whole.size());
      const auto out = strict.load(bytes("d_" + name, damaged));
      bad += out.status != RowStatus::kOk;
      EXPECT_EQ(out.status == RowStatus::kOk, out.reason.empty());
      for (const float s : out.clip.samples) ASSERT_TRUE(std::isfinite(s)) << name << " " << i;
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_GT(bad, test::by_level(60, 600, 6000));
  EXPECT_EQ(closed_in_vain, 0);
  EXPECT_EQ(descriptors(), before);
}

TEST_F(AudioTest, HeadersThatLieAboutTheLength) {
  const auto x = tone(16000, 0.05);
  auto wav = content(write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x));
  ASSERT_EQ(wav.substr(36, 4), "data");
  for (const auto& [size, samples] :
       {std::pair{0x7FFFFFF0u, 16000u}, {0xFFFFFFFFu, 16000u}, {8000u, 4000u}}) {
    for (int i = 0; i < 4; ++i)
      wav[40 + static_cast<std::size_t>(i)] = static_cast<char>(size >> (8 * i));
    const auto out = loader_.load(bytes("long.wav", wav));
    ASSERT_EQ(out.status, RowStatus::kOk) << out.reason;
    EXPECT_EQ(out.clip.samples.size(), samples);
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
