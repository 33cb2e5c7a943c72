#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "balr/speech/fbank.hpp"

namespace balr {

// The filterbank of Fbank in ATen's operations, in float64 up to the logarithm, for a whole batch on a device: there the
// host's cores are busy with decoding. Agrees with Fbank to float32's rounding.
class DeviceFbank {
 public:
  DeviceFbank(const Fbank& fbank, at::Device device);

  struct Batch {
    at::Tensor features;                // float32 [utterances, longest, mel bins], zero behind each one's end
    std::vector<std::int64_t> lengths;  // frames of each
  };
  // Each utterance has at least one frame.
  Batch compute(const Fbank& fbank, std::span<const std::span<const float>> utterances) const;

 private:
  at::Tensor log_energies(const at::Tensor& frames) const;

  FbankOptions options_;
  std::int64_t window_size_, window_shift_, fft_size_;
  at::Tensor window_, mel_;  // float64, on the device
};

}  // namespace balr
