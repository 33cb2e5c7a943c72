// What AudioLoader makes of files that are broken, lie or cannot be read.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <limits>
#include <random>

#include "balr/data/audio.hpp"
#include "data/audio_files.hpp"
#include "support/golden.hpp"

// libsndfile 1.2 forgets 6 KB for each broken Vorbis file; LeakSanitizer shall tell of ours only.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

namespace {
std::atomic<int> closed_in_vain{0};
std::atomic<int> reads_until_failure{-1};  // negative: the disk works
std::atomic<int> failure{EIO};
}  // namespace

// Takes the C library's place in this program, for libsndfile too: counts descriptors closed twice.
extern "C" int close(int fd) {
  const auto result = static_cast<int>(syscall(SYS_close, fd));
  if (result != 0) ++closed_in_vain;
  return result;
}

// Fails like a broken disk on request, at once or later.
extern "C" ssize_t read(int fd, void* to, std::size_t count) {
  if (reads_until_failure < 0 || reads_until_failure-- > 0) return syscall(SYS_read, fd, to, count);
  reads_until_failure = 0;
  errno = failure;
  return -1;
}

namespace balr {
namespace {

namespace fs = std::filesystem;
using BrokenAudio = AudioFiles;

TEST_F(BrokenAudio, BrokenFilesGetAStatus) {
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

// A broken disk, a file that is removed from a network file system while it is read.
TEST_F(BrokenAudio, AReadThatFailsIsNotBrokenAudio) {
  for (const auto& [name, whole] : every_format()) {
    const auto file = bytes(name, whole + std::string(200'000, '\0'));  // libraries read ahead
    for (const int reads : {0, 1, 2, 3}) {
      failure = reads == 0 ? EIO : ESTALE;
      reads_until_failure = reads;
      const auto out = loader_.load(file);
      const bool failed = reads_until_failure == 0;
      reads_until_failure = -1;
      ASSERT_TRUE(failed || reads > 1) << name;
      if (!failed) continue;  // it needed no more
      EXPECT_EQ(out.status, RowStatus::kMissing) << name << " after " << reads;
      EXPECT_EQ(out.reason, reads == 0 ? "Input/output error" : "Stale file handle");
    }
  }
}

// A flipped bit, a hole, rubbish behind the end.
TEST_F(BrokenAudio, DamageInTheMiddleOfAFlacIsFoundAndRubbishBehindItIsNot) {
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

TEST_F(BrokenAudio, FlacHeadersThatLieAboutTheLength) {
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

TEST_F(BrokenAudio, ATruncatedWavGivesWhatIsThere) {
  const auto x = tone(16000, 0.05);
  const auto file = write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, x);
  const auto whole = loader_.load(file).clip.samples;
  const auto out = loader_.load(bytes("cut.wav", content(file).substr(0, 44 + 2 * 5000)));
  ASSERT_EQ(out.status, RowStatus::kOk);
  EXPECT_EQ(out.clip.samples, std::vector<float>(whole.begin(), whole.begin() + 5000));
  EXPECT_EQ(status(bytes("head.wav", content(file).substr(0, 30))), RowStatus::kDecode);
}

// Every byte of a header may lie, and the decoder may say what it likes: a status, finite samples,
// no sound on the terminal, and each descriptor is closed once.
TEST_F(BrokenAudio, DamagedFilesOfEveryFormat) {
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

TEST_F(BrokenAudio, HeadersThatLieAboutTheLength) {
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

}  // namespace
}  // namespace balr
