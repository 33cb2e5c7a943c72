#pragma once
#include <cstddef>
#include <vector>

// Arithmetic of the filterbank that gives the same bytes on every processor: the C library's float
// and double functions have several versions (with and without fused multiply-add), chosen at run
// time.
namespace balr {

// Natural logarithm of a positive, finite, normal number; error below 1e-13.
double portable_log(double x);

// Power spectrum of real signals of 2^k samples, by a complex FFT of half the size (Stockham, radix
// 2), in float64.
class PowerSpectrum {
 public:
  explicit PowerSpectrum(std::size_t size);
  std::size_t size() const { return size_; }
  std::size_t bins() const { return size_ / 2; }  // the Nyquist bin is left out

  struct Workspace {
    std::vector<double> re, im, other_re, other_im;
  };
  Workspace workspace() const;
  // power[k] = |X_k|^2 for k < size / 2. `frame` holds `count` <= size samples; the rest is zero.
  void compute(const double* frame, std::size_t count, Workspace& space, double* power) const;

 private:
  std::size_t size_, half_;
  std::vector<double> cos_, sin_;  // of -2 pi k / size, k < size / 2
};

}  // namespace balr
