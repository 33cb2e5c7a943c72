#include "balr/speech/fbank.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "speech/fbank_math.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

std::vector<float> synthetic() {
  std::vector<float> out;
  for (std::int64_t i = 0; i < 3200; ++i)
    out.push_back(static_cast<float>(static_cast<double>((31 * i * i + 17 * i) % 65536 - 32768) /
                                     32768 * 0.25));
  return out;
}

FbankOptions raw() { return {.normalize_mean = false}; }

// Golden figures: torchaudio 2.11.0's kaldi.fbank with the reference's options (float64 for the
// quiet cell).
TEST(Fbank, FiguresOfTheReference) {
  const auto x = synthetic();
  const auto features = Fbank(raw()).compute(x);
  ASSERT_EQ(features.size(), 18u * 80);
  EXPECT_NEAR(features[0], -6.0007267, 1e-4);
  EXPECT_NEAR(features[1], -8.7465027, 1e-4);
  EXPECT_NEAR(features[2], -8.8514471, 1e-4);
  EXPECT_NEAR(features[79], 4.4606400, 1e-5);
  EXPECT_NEAR(features[17 * 80], -8.3288841, 1e-4);
  double sum = 0;
  for (const float value : features) sum += value;
  EXPECT_NEAR(sum / static_cast<double>(features.size()), 0.20133303, 1e-6);
  const auto cmn = Fbank({}).compute(x);
  EXPECT_NEAR(cmn[0], 1.0906105, 1e-4);
  EXPECT_NEAR(cmn[1], -1.7770705, 1e-4);
  const auto cmvn = Fbank({.normalize_var = true}).compute(x);
  EXPECT_NEAR(cmvn[0], 0.7997829, 1e-4);
  EXPECT_NEAR(cmvn[2], -1.7073081, 1e-4);
}

struct Error {
  double max = 0, mean = 0, share = 0;  // share of cells above 1.2e-4
};

Error compare(const std::vector<float>& got, const std::vector<double>& expected) {
  Error out;
  EXPECT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double e = std::abs(got[i] - expected[i]);
    out.max = std::max(out.max, e);
    out.mean += e / static_cast<double>(got.size());
    out.share += (e > 1.2e-4) / static_cast<double>(got.size());
  }
  return out;
}

class FbankGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    BALR_NEEDS_TEST_DATA();
    file_ = test::test_data_folder() / "golden" / "fbank.h5";
    for (const auto& id : test::children(file_, "utt")) groups_.push_back("utt/" + id);
    ASSERT_EQ(groups_.size(), 4u);
    groups_.push_back("synthetic");
    for (const auto& n : test::children(file_, "edge")) groups_.push_back("edge/" + n);
  }
  std::filesystem::path file_;
  std::vector<std::string> groups_;
};

TEST_F(FbankGolden, RawEqualsTheReferenceAndIsCloserToFloat64) {
  const Fbank fbank(raw());
  for (const auto& group : groups_) {
    const auto features = fbank.compute(test::read_float(file_, group + "/waveform").values);
    const Error reference = compare(features, test::read_double(file_, group + "/raw").values);
    EXPECT_LT(reference.max, 1e-3) << group;
    EXPECT_LT(reference.mean, 1e-5) << group;
    EXPECT_LE(reference.share, 1e-3) << group;
    if (!test::has(file_, group + "/raw_float64")) continue;
    const Error exact = compare(features, test::read_double(file_, group + "/raw_float64").values);
    EXPECT_LT(exact.max, 3e-6) << group;  // the result's own rounding is 5e-7
    EXPECT_LT(exact.mean, 5e-7) << group;
  }
}

TEST_F(FbankGolden, NormalizedAndScaled) {
  const Fbank cmn({}), cmvn({.normalize_var = true}),
      scaled({.scale = 32768, .normalize_mean = false});
  for (const auto& group : groups_) {
    const auto x = test::read_float(file_, group + "/waveform").values;
    for (const auto& [name, fbank] :
         {std::pair{"/cmn", &cmn}, {"/cmvn", &cmvn}, {"/raw_x32768", &scaled}}) {
      if (!test::has(file_, group + name)) continue;
      const Error error = compare(fbank->compute(x), test::read_double(file_, group + name).values);
      EXPECT_LT(error.max, 1e-3) << group << name;
      EXPECT_LT(error.mean, 1e-5) << group << name;
    }
  }
}

TEST_F(FbankGolden, MelWeights) {
  const auto expected = test::read_float(file_, "mel_weights");
  const Fbank fbank({});
  ASSERT_EQ(fbank.mel_weights().size(), expected.values.size());
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    ASSERT_NEAR(fbank.mel_weights()[i], expected.values[i], 2e-5) << i;
}

// Every step written out from the formulas, with the C library's functions and a direct Fourier
// sum.
std::vector<double> direct(const Fbank& fbank, std::span<const float> x, int size, int shift,
                           std::size_t fft) {
  const FbankOptions& options = fbank.options();
  const auto bins = static_cast<std::size_t>(options.num_mel_bins);
  std::vector<double> out;
  for (std::size_t start = 0; start + static_cast<std::size_t>(size) <= x.size();
       start += static_cast<std::size_t>(shift)) {
    double mean = 0;
    for (int i = 0; i < size; ++i) mean += double{x[start + static_cast<std::size_t>(i)]} / size;
    std::vector<double> y, power;
    for (int i = 0; i < size; ++i) {
      const double now = x[start + static_cast<std::size_t>(i)] - mean;
      const double last = x[start + static_cast<std::size_t>(std::max(0, i - 1))] - mean;
      y.push_back((now - 0.97 * last) * options.scale *
                  (0.54 - 0.46 * std::cos(2 * M_PI * i / (size - 1))));
    }
    for (std::size_t k = 0; k < fft / 2; ++k) {
      double re = 0, im = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double angle = 2 * M_PI * static_cast<double>(k * i % fft) / static_cast<double>(fft);
        re += y[i] * std::cos(angle);
        im -= y[i] * std::sin(angle);
      }
      power.push_back(re * re + im * im);
    }
    for (std::size_t bin = 0; bin < bins; ++bin) {
      double energy = 0;
      for (std::size_t k = 0; k < fft / 2; ++k)
        energy += fbank.mel_weights()[bin * fft / 2 + k] * power[k];
      out.push_back(std::log(std::max(energy, 1.1920929e-07)));
    }
  }
  return out;
}

TEST(Fbank, EqualsTheFormulasForAnyFrameAndScale) {
  const auto x = synthetic();
  const struct {
    FbankOptions options;
    int size, shift;
    std::size_t fft;
  } cases[] = {
      {{.normalize_mean = false}, 400, 160, 512},
      {{.scale = 32768, .normalize_mean = false}, 400, 160, 512},
      {{.rate = 8000, .num_mel_bins = 40, .frame_length = 32, .normalize_mean = false},
       256,
       80,
       256},
      {{.num_mel_bins = 24, .frame_length = 50, .frame_shift = 23, .normalize_mean = false},
       800,
       368,
       1024},
      {{.rate = 44100, .num_mel_bins = 23, .normalize_mean = false}, 1102, 441, 2048},
  };
  for (const auto& c : cases) {
    const Fbank fbank(c.options);
    const auto expected = direct(fbank, x, c.size, c.shift, c.fft);
    const auto features = fbank.compute(x);
    ASSERT_EQ(features.size(), expected.size()) << c.size;
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(features[i], expected[i], 1e-6 * std::max(1.0, std::abs(expected[i])))
          << c.size << " " << i;
  }
}

TEST(Fbank, NormalizationIsThatOfTheFormulas) {
  const auto x = synthetic();
  const auto plain = Fbank(raw()).compute(x), cmn = Fbank({}).compute(x);
  const auto cmvn = Fbank({.normalize_var = true}).compute(x);
  const auto var_only = Fbank({.normalize_mean = false, .normalize_var = true}).compute(x);
  const std::size_t frames = plain.size() / 80;
  for (std::size_t bin = 0; bin < 80; ++bin) {
    double mean = 0, square = 0;
    for (std::size_t t = 0; t < frames; ++t)
      mean += double{plain[t * 80 + bin]} / static_cast<double>(frames);
    for (std::size_t t = 0; t < frames; ++t) square += std::pow(plain[t * 80 + bin] - mean, 2);
    const double deviation = std::sqrt(square / static_cast<double>(frames - 1) + 1e-8);
    for (std::size_t t = 0; t < frames; ++t) {
      const double value = plain[t * 80 + bin];
      ASSERT_NEAR(cmn[t * 80 + bin], value - mean, 2e-6);
      ASSERT_NEAR(cmvn[t * 80 + bin], (value - mean) / deviation, 2e-6);
      ASSERT_NEAR(var_only[t * 80 + bin], value / deviation, 2e-5);
    }
  }
  for (const float value : Fbank({}).compute(std::span(x).first(400))) EXPECT_EQ(value, 0);
}

// Pinned: these bytes must come out on any processor, whatever the compiler does short of
// contraction.
TEST(Fbank, SameBytesEverywhere) {
  const auto features = Fbank({.normalize_var = true}).compute(synthetic());
  EXPECT_EQ(crc32c(std::as_bytes(std::span(features))), 1170286883u);
}

TEST(Fbank, LengthsAndBinsThatMakeNoSense) {
  EXPECT_THROW(Fbank({.num_mel_bins = 0}), ConfigError);
  EXPECT_THROW(Fbank({.num_mel_bins = 257}), ConfigError);
  for (const int length : {0, -25, 100'000, 2'000'000'000}) {
    EXPECT_THROW(Fbank({.frame_length = length}), ConfigError) << length;
    EXPECT_THROW(Fbank({.frame_shift = length}), ConfigError) << length;
  }
}

TEST(Fbank, NumberOfFrames) {
  const Fbank fbank({});
  EXPECT_EQ(fbank.frames(399), 0);
  EXPECT_EQ(fbank.frames(400), 1);
  EXPECT_EQ(fbank.frames(559), 1);
  EXPECT_EQ(fbank.frames(560), 2);
  EXPECT_TRUE(fbank.compute(std::vector<float>(399)).empty());
}

TEST(Fbank, SilenceSitsOnTheFloor) {
  const auto features = Fbank(raw()).compute(std::vector<float>(800, 0.0f));
  for (const float value : features) EXPECT_NEAR(value, -15.942385f, 1e-5);
}

TEST(FbankMath, PortableLogEqualsTheLibrarys) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 100000; ++i) {
    const double x = std::ldexp(1 + static_cast<double>(rng() >> 11) * 0x1p-53,
                                static_cast<int>(rng() % 200) - 100);
    ASSERT_NEAR(portable_log(x), std::log(x), 1e-13 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
}

// Four at a time, in this processor's vectors and in those of any x86-64.
TEST(FbankMath, LogarithmsOfFramesHaveTheBytesOfOne) {
  std::mt19937_64 rng(1);
  std::vector<Frames> x(5000);
  for (Frames& frames : x)
    for (std::size_t lane = 0; lane < kFrames; ++lane)
      frames.of[lane] = std::ldexp(1 + static_cast<double>(rng() >> 11) * 0x1p-53,
                                   static_cast<int>(rng() % 2000) - 1000);
  x[7].of[2] = NAN;
  x[9].of[0] = INFINITY;
  auto best = x, plain = x;
  portable_log(best.data(), best.size());
  portable_log_without_avx2(plain.data(), plain.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t lane = 0; lane < kFrames; ++lane) {
      const double expected = portable_log(x[i].of[lane]);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(best[i].of[lane]) && std::isnan(plain[i].of[lane])) << i;
        continue;
      }
      ASSERT_EQ(best[i].of[lane], expected) << x[i].of[lane];
      ASSERT_EQ(plain[i].of[lane], expected) << x[i].of[lane];
    }
}

TEST(FbankMath, PowerSpectrumEqualsTheDirectSum) {
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  std::vector<Frames> x(50), power(32), plain(32);
  for (Frames& frames : x)
    for (std::size_t lane = 0; lane < kFrames; ++lane) frames.of[lane] = normal(rng);
  const PowerSpectrum spectrum(64);
  auto space = spectrum.workspace();
  spectrum.compute(x.data(), x.size(), space, power.data());
  spectrum.compute_without_avx2(x.data(), x.size(), space, plain.data());
  for (std::size_t lane = 0; lane < kFrames; ++lane)
    for (std::size_t k = 0; k < 32; ++k) {
      double re = 0, im = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        re += x[i].of[lane] * std::cos(2 * M_PI * static_cast<double>(k * i) / 64);
        im -= x[i].of[lane] * std::sin(2 * M_PI * static_cast<double>(k * i) / 64);
      }
      EXPECT_NEAR(power[k].of[lane], re * re + im * im, 1e-10);
      EXPECT_EQ(power[k].of[lane], plain[k].of[lane]);
    }
}

// A frame's features do not depend on where among four it is computed.
TEST(Fbank, AFrameIsTheSameBytesAtAnyPlace) {
  const auto x = synthetic();
  const Fbank fbank(raw());
  const auto whole = fbank.compute(x);
  for (std::int64_t first = 1; first < 18; ++first) {
    const auto part = fbank.compute(std::span(x).subspan(static_cast<std::size_t>(first) * 160));
    ASSERT_EQ(part.size(), whole.size() - static_cast<std::size_t>(first) * 80);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first * 80)) << first;
  }
}

}  // namespace
}  // namespace balr
