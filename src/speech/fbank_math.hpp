#pragma once
#include <cstddef>
#include <vector>

// Arithmetic of the filterbank that gives the same bytes on every processor: the C library's float
// and double functions have several versions (with and without fused multiply-add), chosen at run
// time.
namespace balr {

// Natural logarithm of a positive, finite, normal number; error below 1e-13.
double portable_log(double x);

// The same number of four frames. Every operation is each frame's own, so its bytes do not depend
// on its neighbours; compilers map it to whatever vectors the processor has.
constexpr std::size_t kFrames = 4;
struct alignas(kFrames * sizeof(double)) Frames {
  double __attribute__((vector_size(kFrames * sizeof(double)))) of;  // of[0] to of[kFrames - 1]
};

// portable_log of each, in place, with its bytes; NaN and infinite ones become NaN.
void portable_log(Frames* values, std::size_t count);
void portable_log_without_avx2(Frames* values, std::size_t count);  // for tests

// Power spectrum of real signals of 2^k samples, by a complex FFT of half the size (Stockham, radix
// 2), in float64.
class PowerSpectrum {
 public:
  explicit PowerSpectrum(std::size_t size);
  std::size_t size() const { return size_; }
  std::size_t bins() const { return size_ / 2; }  // the Nyquist bin is left out

  struct Workspace {
    std::vector<Frames> re, im, other_re, other_im;
  };
  Workspace workspace() const;
  // power[k] = |X_k|^2 for k < size / 2. `frames` holds `count` <= size samples; the rest is zero.
  void compute(const Frames* frames, std::size_t count, Workspace& space, Frames* power) const;
  void compute_without_avx2(const Frames* frames, std::size_t count, Workspace& space,
                            Frames* power) const;  // for tests

 private:
  struct Body;

  std::size_t size_, half_;
  std::vector<double> cos_, sin_;  // of -2 pi k / size, k < size / 2
};

}  // namespace balr
