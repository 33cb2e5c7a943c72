#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "balr/speech/fbank.hpp"

namespace balr {

// The filterbank of Fbank in ATen's operations, in float64 up to the logarithm, for a whole batch on a device: there the
// host's cores are busy with decoding. Agrees with Fbank to float32's rounding.
class DeviceFbank {
 public:
  DeviceFbank(const Fbank& fbank, at::Device device);

  // Of waveforms float32 [utterances, samples] on the device, which hold `frames[i]` frames each and anything behind their ends:
  // features float32 [utterances, frames of `samples`, mel bins], zero behind each one's end. Each has at least one frame.
  at::Tensor compute(const at::Tensor& waveforms, std::span<const std::int64_t> frames) const;
  // Samples that make so many frames.
  std::int64_t samples(std::int64_t frames) const { return (frames - 1) * window_shift_ + window_size_; }

 private:
  at::Tensor log_energies(const at::Tensor& frames) const;

  FbankOptions options_;
  std::int64_t window_size_, window_shift_, fft_size_;
  at::Tensor window_, mel_;  // float64, on the device
};

}  // namespace balr
