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
  const std::vector<std::span<const float>> spans(clips.begin(), clips.end());
  const auto batch = DeviceFbank(fbank, at::kCPU).compute(fbank, spans);
  ASSERT_EQ(batch.features.sizes(), (at::IntArrayRef{4, fbank.frames(16000), options.num_mel_bins}));
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const auto expected = fbank.compute(clips[i]);
    const at::Tensor row = batch.features[static_cast<std::int64_t>(i)];
    ASSERT_EQ(batch.lengths[i], fbank.frames(static_cast<std::int64_t>(clips[i].size())));
    const at::Tensor own = row.narrow(0, 0, batch.lengths[i]).contiguous();
    const at::Tensor wanted = at::tensor(at::ArrayRef<float>(expected), at::kFloat).view(own.sizes());
    EXPECT_LT((own - wanted).abs().max().item<float>(), 4e-6f) << i;  // two units in the last place of 16
    EXPECT_EQ(row.narrow(0, batch.lengths[i], row.size(0) - batch.lengths[i]).abs().sum().item<float>(), 0);
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
