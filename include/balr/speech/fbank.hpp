#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace balr {

class PowerSpectrum;

struct FbankOptions {
  int rate = 16000;  // Hz
  int num_mel_bins = 80;
  int frame_length = 25;      // ms
  int frame_shift = 10;       // ms
  double low_frequency = 20;  // Hz
  // Of the waveform: 1 as the Python balr (samples in [-1, 1]); 32768 as WeSpeaker's own tools.
  float scale = 1;
  bool normalize_mean = true;  // subtract each bin's mean over time
  bool normalize_var = false;  // then divide by sqrt(unbiased variance + 1e-8)
};

// Log mel filterbank of Kaldi and torchaudio (hamming window, pre-emphasis 0.97, power spectrum,
// snip_edges, no dither, floor 1.1920929e-07). float32 in and out, computed in float64 between
// them: the reference's float32 moves single quiet cells by up to 3.2e-4. The same bytes on any
// CPU. Immutable after construction, so threads share one.
class Fbank {
 public:
  // Throws ConfigError for lengths and bins that make no sense.
  explicit Fbank(const FbankOptions& options);

  // Number of whole frames; 0 if there are fewer samples than one frame.
  std::int64_t frames(std::int64_t samples) const;
  // [frames, num_mel_bins], row-major.
  std::vector<float> compute(std::span<const float> samples) const;
  const FbankOptions& options() const { return options_; }
  std::span<const float> mel_weights() const { return mel_; }  // [num_mel_bins, fft/2]

 private:
  FbankOptions options_;
  int window_size_, window_shift_;
  std::shared_ptr<const PowerSpectrum> spectrum_;
  std::vector<double> window_;
  std::vector<float> mel_;
  // first and one-past-last non-zero weight of each bin
  std::vector<int> mel_begin_, mel_end_;
};

}  // namespace balr
