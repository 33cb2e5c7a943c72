#include "speech/fbank_math.hpp"

#include <cmath>
#include <numbers>

#include "balr/core/error.hpp"

namespace balr {

double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact; m in [0.5, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  // log m = 2 artanh(s), |s| <= 0.1716: the series' next term is below 1e-15.
  const double s = (m - 1) / (m + 1), q = s * s;
  double sum = 0;
  for (int k = 17; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
  return exponent * std::numbers::ln2 + 2 * s * sum;
}

PowerSpectrum::PowerSpectrum(std::size_t size) : size_(size), half_(size / 2) {
  BALR_CHECK(size >= 4 && (size & (size - 1)) == 0);
  for (std::size_t k = 0; k < half_; ++k) {
    const long double angle = -2 * std::numbers::pi_v<long double> * static_cast<long double>(k) /
                              static_cast<long double>(size);
    cos_.push_back(static_cast<double>(std::cos(angle)));
    sin_.push_back(static_cast<double>(std::sin(angle)));
  }
}

PowerSpectrum::Workspace PowerSpectrum::workspace() const {
  const std::vector<double> zeros(half_, 0.0);
  return {zeros, zeros, zeros, zeros};
}

void PowerSpectrum::compute(const double* frame, std::size_t count, Workspace& space,
                            double* power) const {
  // Even samples are the real parts, odd ones the imaginary parts of a signal of half the length.
  for (std::size_t i = 0; i < half_; ++i) {
    space.re[i] = 2 * i < count ? frame[2 * i] : 0.0;
    space.im[i] = 2 * i + 1 < count ? frame[2 * i + 1] : 0.0;
  }
  double *xr = space.re.data(), *xi = space.im.data(), *yr = space.other_re.data(),
         *yi = space.other_im.data();
  for (std::size_t n = half_, stride = 1; n > 1; n /= 2, stride *= 2) {
    const std::size_t m = n / 2;
    for (std::size_t p = 0; p < m; ++p) {
      const double wr = cos_[2 * p * stride], wi = sin_[2 * p * stride];
      const double *ar = xr + stride * p, *ai = xi + stride * p;
      const double *br = ar + stride * m, *bi = ai + stride * m;
      double *sr = yr + stride * 2 * p, *si = yi + stride * 2 * p, *dr = sr + stride,
             *di = si + stride;
      for (std::size_t q = 0; q < stride; ++q) {
        const double r = ar[q] - br[q], i = ai[q] - bi[q];
        sr[q] = ar[q] + br[q];
        si[q] = ai[q] + bi[q];
        dr[q] = r * wr - i * wi;
        di[q] = r * wi + i * wr;
      }
    }
    std::swap(xr, yr);
    std::swap(xi, yi);
  }
  for (std::size_t k = 0; k < half_; ++k) {
    const std::size_t mirror = (half_ - k) % half_;
    // Spectra of the even and of the odd samples.
    const double er = 0.5 * (xr[k] + xr[mirror]), ei = 0.5 * (xi[k] - xi[mirror]);
    const double odd_r = 0.5 * (xi[k] + xi[mirror]), odd_i = -0.5 * (xr[k] - xr[mirror]);
    const double r = er + (cos_[k] * odd_r - sin_[k] * odd_i),
                 i = ei + (cos_[k] * odd_i + sin_[k] * odd_r);
    power[k] = r * r + i * i;
  }
}

}  // namespace balr
