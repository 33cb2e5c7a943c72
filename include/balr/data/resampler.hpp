#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace balr {

// The windowed-sinc polyphase resampler of torchaudio (sinc_interp_hann, width 6, rolloff 0.99);
// the kernel is equal to torchaudio's bit for bit: positions k/o in float64, phase offsets -p/n
// rounded to float32 first, the result rounded to float32. Only the taps inside the window (6 zero
// crossings each side) are kept: the others are zero. Immutable after construction, so threads
// share one object.
class Resampler {
 public:
  // Rates in Hz, both from 1 to 1,000,000 (else std::invalid_argument). At 16 kHz out, the weights
  // of no rate take more than 50 MB.
  Resampler(int source_rate, int target_rate);

  // ceil(n * L / o) samples. Each output is 8 partial sums (tap k in sum k mod 8; product and sum
  // are rounded apart), added in a fixed tree: the same bytes on any CPU.
  std::vector<float> resample(std::span<const float> samples) const;

  int phases() const { return target_; }  // n = target rate / gcd
  int taps() const { return 2 * width_ + source_; }
  int width() const { return width_; }
  std::size_t stored_taps() const { return weights_.size(); }  // memory: 4 bytes each
  // The whole kernel (phases, taps), row-major, zeros included: for tests.
  std::vector<float> kernel() const;

 private:
  friend class StreamResampler;
  struct Phase {
    int first;           // tap of the whole kernel that weights_[offset] belongs to
    std::size_t offset;  // into weights_
    int count;           // multiple of 8, padded with zeros
  };

  std::int64_t outputs(std::int64_t inputs) const;
  // The first `count` phases of the outputs whose windows begin at x.
  void one_period(const float* x, int count, float* out) const;

  int source_, target_;  // divided by their gcd
  int width_;
  int reach_ = 0;  // samples behind the beginning of a window that some phase reads
  std::vector<Phase> phases_;
  std::vector<float> weights_;
};

// Resamples a signal that comes in blocks; the outputs are the bytes of resample() on all of it.
class StreamResampler {
 public:
  explicit StreamResampler(std::shared_ptr<const Resampler> resampler);

  // Appends the outputs that no later block can change.
  void add(std::span<const float> block, std::vector<float>& out);
  // Appends the rest; nothing can be added afterwards.
  void finish(std::vector<float>& out);

 private:
  void run(std::int64_t outputs, std::vector<float>& out);

  std::shared_ptr<const Resampler> resampler_;
  std::vector<float> buffer_;  // from the beginning of the next window on
  std::int64_t inputs_ = 0, done_ = 0;
};

}  // namespace balr
