#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace balr {

// The windowed-sinc polyphase resampler of torchaudio (sinc_interp_hann, width 6, rolloff 0.99); the kernel is
// equal to torchaudio's bit for bit: positions k/o in float64, phase offsets -p/n rounded to float32 first.
// Immutable after construction, so threads share one object (see shared_resampler).
class Resampler {
 public:
  // Rates in Hz, both > 0.
  Resampler(int source_rate, int target_rate);

  // ceil(n * L / o) samples. Each output is one chain of fused multiply-adds in tap order: same bytes on any CPU.
  std::vector<float> resample(std::span<const float> samples) const;

  int phases() const { return target_; }    // n
  int taps() const { return taps_; }        // 2 * width + o
  int width() const { return width_; }
  std::span<const float> kernel() const { return kernel_; }  // (phases, taps), row-major

 private:
  int source_, target_, width_, taps_;
  std::vector<float> kernel_;
};

}  // namespace balr
