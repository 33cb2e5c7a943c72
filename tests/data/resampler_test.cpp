#include "balr/data/resampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "balr/core/hash.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using test::read_float;

// The signal of the small golden figures below: x[i] = ((31 i^2 + 17 i) mod 65536 - 32768) / 32768
// * 0.25.
std::vector<float> synthetic(std::int64_t count) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(static_cast<double>((31 * i * i + 17 * i) % 65536 - 32768) /
                                     32768 * 0.25));
  return out;
}

// Golden figures: torchaudio 2.11.0's Resample on the signal above.
TEST(Resampler, FiguresOfTheReference) {
  const auto x = synthetic(3200);
  const auto a = Resampler(24000, 16000).resample(x);
  ASSERT_EQ(a.size(), 2134u);
  EXPECT_NEAR(a[0], -0.20753580f, 3e-7);
  EXPECT_NEAR(a[1], -0.26186496f, 3e-7);
  EXPECT_NEAR(a[2], -0.24169993f, 3e-7);
  EXPECT_NEAR(a[1000], -0.06045336f, 3e-7);
  EXPECT_NEAR(a.back(), 0.01403909f, 3e-7);
  const auto b = Resampler(44100, 16000).resample(x);
  ASSERT_EQ(b.size(), 1161u);
  EXPECT_NEAR(b[0], -0.16990682f, 3e-7);
  EXPECT_NEAR(b[500], 0.04275608f, 3e-7);
}

TEST(Resampler, KernelEqualsTorchaudioBitForBit) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden" / "resample.h5";
  for (const int rate : {8000, 22050, 24000, 44100, 48000}) {
    const std::string group = std::to_string(rate);
    const auto expected = read_float(file, group + "/kernel");
    const Resampler resampler(rate, 16000);
    ASSERT_EQ(resampler.width(), test::read_attribute(file, group + "/kernel", "width"));
    ASSERT_EQ(expected.shape,
              (std::vector<std::size_t>{static_cast<std::size_t>(resampler.phases()),
                                        static_cast<std::size_t>(resampler.taps())}));
    const auto kernel = resampler.kernel();
    std::size_t different = 0;
    for (std::size_t i = 0; i < kernel.size(); ++i) different += kernel[i] != expected.values[i];
    EXPECT_EQ(different, 0u) << rate << " Hz, of " << kernel.size();
  }
}

TEST(Resampler, OutputsEqualTheReference) {
  BALR_NEEDS_TEST_DATA();
  const auto file = test::test_data_folder() / "golden" / "resample.h5";
  for (const int rate : {8000, 22050, 24000, 44100, 48000})
    for (const std::string kind : {"synthetic", "speech"}) {
      const std::string group = std::to_string(rate) + "/" + kind;
      const auto out = Resampler(rate, 16000).resample(read_float(file, group + "/input").values);
      const auto expected = read_float(file, group + "/output").values;
      ASSERT_EQ(out.size(), expected.size()) << group;
      for (std::size_t i = 0; i < out.size(); ++i)
        ASSERT_NEAR(out[i], expected[i], 3e-7) << group << " " << i;
    }
}

// Rates without a common divisor: the full kernel would take gigabytes.
TEST(Resampler, OddRatesAreBoundedAndKeepASine) {
  for (const int rate : {44101, 96000, 500000, 11025, 7}) {
    const double seconds = 0.5, hertz = rate / 50.0 < 3000 ? rate / 50.0 : 440;
    std::vector<float> x(static_cast<std::size_t>(seconds * rate));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(std::sin(2 * M_PI * hertz * static_cast<double>(i) / rate));
    const auto y = Resampler(rate, 16000).resample(x);
    ASSERT_EQ(y.size(), (x.size() * 16000 + static_cast<std::size_t>(rate) - 1) /
                            static_cast<std::size_t>(rate));
    if (rate < 100) continue;
    for (std::size_t i = y.size() / 4; i < y.size() / 2; ++i)
      ASSERT_NEAR(y[i], std::sin(2 * M_PI * hertz * static_cast<double>(i) / 16000), 2e-2)
          << rate << " " << i;
  }
  for (const int rate : {0, -1, 1'000'001, 2'000'000'000}) {
    EXPECT_THROW(Resampler(rate, 16000), std::invalid_argument) << rate;
    EXPECT_THROW(Resampler(16000, rate), std::invalid_argument) << rate;
  }
}

// Pinned: these bytes must come out on any processor, whatever the compiler does short of
// contraction.
TEST(Resampler, SameBytesEverywhere) {
  const auto x = synthetic(3200);
  for (const auto& [rate, crc] :
       {std::pair{8000, 554821185u}, {24000, 3819522569u}, {44100, 1431422705u}}) {
    const auto y = Resampler(rate, 16000).resample(x);
    EXPECT_EQ(crc32c(std::as_bytes(std::span(y))), crc) << rate;
  }
}

// The signal is zero before its first and behind its last sample, wherever it ends.
TEST(Resampler, EqualsADirectSumAtBothEndsOfAnyLength) {
  for (const int rate : {8000, 24000, 44100, 11025})
    for (std::int64_t length = 1; length < 60; ++length) {
      const Resampler resampler(rate, 16000);
      const auto x = synthetic(length), kernel = resampler.kernel(), y = resampler.resample(x);
      const int phases = resampler.phases(), taps = resampler.taps(),
                step = taps - 2 * resampler.width();
      ASSERT_EQ(static_cast<std::int64_t>(y.size()), (length * phases + step - 1) / step);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto phase = static_cast<std::int64_t>(i) % phases;
        const auto begin = static_cast<std::int64_t>(i) / phases * step - resampler.width();
        double sum = 0;
        for (std::int64_t k = 0; k < taps; ++k)
          if (begin + k >= 0 && begin + k < length)
            sum += double{x[static_cast<std::size_t>(begin + k)]} *
                   kernel[static_cast<std::size_t>(phase * taps + k)];
        ASSERT_NEAR(y[i], sum, 1e-7) << rate << " " << length << " " << i;
      }
    }
}

TEST(Resampler, EmptyInput) { EXPECT_TRUE(Resampler(24000, 16000).resample({}).empty()); }

}  // namespace
}  // namespace balr
