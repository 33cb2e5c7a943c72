#include "speech/device_fbank.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "balr/core/error.hpp"
#include "speech/device_queue.hpp"

namespace balr {
namespace {

constexpr double kPreemphasis = 0.97;
constexpr double kFloor = 1.1920928955078125e-07;  // float32's epsilon

// features [B, T, bins] in float32; mask [B, T, 1] and count [B, 1, 1] of true frames in float64.
at::Tensor normalized(const at::Tensor& features, const at::Tensor& mask, const at::Tensor& count, const FbankOptions& options) {
  if (!options.normalize_mean && !options.normalize_var) return features;
  const at::Tensor mean = (features * mask).sum({1}, true).div_(count).to(at::kFloat);
  const at::Tensor centred = features - mean;
  const at::Tensor& result = options.normalize_mean ? centred : features;
  if (!options.normalize_var) return result;
  const at::Tensor squares = (centred.to(at::kDouble).square_() * mask).sum({1}, true);
  return result / squares.div_(count - 1).add_(1e-8).sqrt_().to(at::kFloat);
}

}  // namespace

DeviceFbank::DeviceFbank(const Fbank& fbank, at::Device device) : options_(fbank.options()) {
  window_size_ = static_cast<std::int64_t>(options_.rate * options_.frame_length * 0.001);
  window_shift_ = static_cast<std::int64_t>(options_.rate * options_.frame_shift * 0.001);
  const std::span<const float> mel = fbank.mel_weights();
  const at::Tensor weights = at::tensor(at::ArrayRef<float>(mel.data(), mel.size()), at::kFloat).view({options_.num_mel_bins, -1});
  fft_size_ = 2 * weights.size(1);
  mel_ = weights.t().to(at::kDouble).contiguous().to(device);
  window_ = at::hamming_window(window_size_, /*periodic=*/false, 0.54, 0.46, at::kDouble).to(device);
}

// frames: [B, T, window]
at::Tensor DeviceFbank::log_energies(const at::Tensor& frames) const {
  at::Tensor x = frames.to(at::kDouble) * options_.scale;
  x.sub_(x.mean({2}, true));
  // Each sample minus 0.97 of the one before, the first minus 0.97 of itself.
  const at::Tensor before = at::cat({x.narrow(2, 0, 1), x.narrow(2, 0, window_size_ - 1)}, 2);
  x = x.sub(before, kPreemphasis).mul_(window_);
  const at::Tensor spectrum = at::view_as_real(at::fft_rfft(x, fft_size_, 2)).square().sum(-1).narrow(2, 0, fft_size_ / 2);
  return at::matmul(spectrum, mel_).clamp_min_(kFloor).log_().to(at::kFloat);
}

at::Tensor DeviceFbank::compute(const at::Tensor& waveforms, std::span<const std::int64_t> lengths) const {
  const c10::InferenceMode guard;
  for (const std::int64_t length : lengths) BALR_CHECK(length > 0);
  const at::Tensor frames = waveforms.unfold(1, window_size_, window_shift_);
  const at::Tensor numbers = at::tensor(at::ArrayRef<std::int64_t>(lengths.data(), lengths.size()), at::kDouble);
  const at::Tensor count = send(numbers, mel_.device()).view({-1, 1, 1});
  const at::Tensor mask = (at::arange(frames.size(1), count.options()).view({1, -1, 1}) < count).to(at::kDouble);
  return normalized(log_energies(frames), mask, count, options_).mul_(mask.to(at::kFloat));
}

}  // namespace balr
