#include "speech/device_fbank.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "speech/formula_weights.hpp"

namespace balr {
namespace {

std::vector<float> noise(std::size_t samples, std::uint64_t seed) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i)
    out[i] = static_cast<float>(0.3 * test::formula_number(seed, i) * (i / 3000 % 2 == 0 ? 1 : 1e-3));
  return out;
}

// The device's operations, run on the CPU, against the filterbank that is held against the reference.
void expect_agreement(const FbankOptions& options) {
  const Fbank fbank(options);
  const std::vector<std::vector<float>> clips{noise(12345, 1), noise(719, 2), noise(1680, 3), noise(16000, 4)};
  at::Tensor waveforms = at::full({4, 16000}, 0.5, at::kFloat);  // what is behind the ends does not matter
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    std::copy(clips[i].begin(), clips[i].end(), waveforms.mutable_data_ptr<float>() + 16000 * i);
    lengths.push_back(fbank.frames(static_cast<std::int64_t>(clips[i].size())));
  }
  const DeviceFbank device_fbank(fbank, at::kCPU);
  EXPECT_EQ(fbank.frames(device_fbank.samples(77)), 77);
  EXPECT_EQ(fbank.frames(device_fbank.samples(77) - 1), 76);
  const at::Tensor features = device_fbank.compute(waveforms, lengths);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{4, fbank.frames(16000), options.num_mel_bins}));
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const auto expected = fbank.compute(clips[i]);
    const at::Tensor row = features[static_cast<std::int64_t>(i)];
    const at::Tensor own = row.narrow(0, 0, lengths[i]).contiguous();
    const at::Tensor wanted = at::tensor(at::ArrayRef<float>(expected), at::kFloat).view(own.sizes());
    EXPECT_LT((own - wanted).abs().max().item<float>(), 4e-6f) << i;  // two units in the last place of 16
    EXPECT_EQ(row.narrow(0, lengths[i], row.size(0) - lengths[i]).abs().sum().item<float>(), 0);
  }
}

TEST(DeviceFbankTest, AgreesWithTheHosts) {
  expect_agreement({});
  expect_agreement({.normalize_mean = false});
  expect_agreement({.scale = 32768, .normalize_mean = false});
  expect_agreement({.normalize_var = true});
  expect_agreement({.rate = 8000, .num_mel_bins = 40});
}

}  // namespace
}  // namespace balr
