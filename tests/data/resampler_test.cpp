#include "balr/data/resampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "support/golden.hpp"

namespace balr {
namespace {

using test::read_float;

// The signal of the small golden figures below: x[i] = ((31 i^2 + 17 i) mod 65536 - 32768) / 32768 * 0.25.
std::vector<float> synthetic(std::int64_t count) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(static_cast<double>((31 * i * i + 17 * i) % 65536 - 32768) / 32768 * 0.25));
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
    ASSERT_EQ(expected.shape, (std::vector<std::size_t>{static_cast<std::size_t>(resampler.phases()),
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
      for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 3e-7) << group << " " << i;
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
    ASSERT_EQ(y.size(), (x.size() * 16000 + static_cast<std::size_t>(rate) - 1) / static_cast<std::size_t>(rate));
    if (rate < 100) continue;
    for (std::size_t i = y.size() / 4; i < y.size() / 2; ++i)
      ASSERT_NEAR(y[i], std::sin(2 * M_PI * hertz * static_cast<double>(i) / 16000), 2e-2) << rate << " " << i;
  }
  EXPECT_THROW(Resampler(0, 16000), std::invalid_argument);
}

TEST(Resampler, EmptyInput) { EXPECT_TRUE(Resampler(24000, 16000).resample({}).empty()); }

}  // namespace
}  // namespace balr
