#include "speech/fbank_math.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>

#include "balr/core/error.hpp"

namespace balr {
namespace {

using Doubles = double __attribute__((vector_size(sizeof(Frames))));
using Bits = std::uint64_t __attribute__((vector_size(sizeof(Frames))));

#ifdef __x86_64__
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}
#endif

// portable_log's operations for normal numbers: its exponent and fraction are cut out of the bits.
[[gnu::always_inline]] inline void log_lanes(Frames& x) {
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1, kHalf = 0x3feull << 52;
  const Bits bits = __builtin_bit_cast(Bits, x.of);
  const Bits fraction = (bits & kFraction) | kHalf;
  Doubles m = __builtin_bit_cast(Doubles, fraction);
  const auto small = m < 0.70710678118654752;
  m = small ? m * 2.0 : m;
  // 2^52 + an integer below it has that integer's bits.
  const Bits biased = (bits >> 52) | (0x433ull << 52);
  const Doubles exponent = (__builtin_bit_cast(Doubles, biased) - 0x1p52) -
                           (small ? Doubles{} + 1023.0 : Doubles{} + 1022.0);
  const Doubles s = (m - 1.0) / (m + 1.0), q = s * s;
  Doubles sum{};
  for (int k = 17; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
  x.of = exponent * std::numbers::ln2 + 2.0 * s * sum;
}

[[gnu::always_inline]] inline void log_all(Frames* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Frames before = values[i];
    log_lanes(values[i]);
    for (std::size_t lane = 0; lane < kFrames; ++lane)
      if (!(before.of[lane] <= std::numeric_limits<double>::max()))
        values[i].of[lane] = std::numeric_limits<double>::quiet_NaN();
  }
}

#ifdef __x86_64__
[[gnu::target("avx2")]] void log_all_avx2(Frames* values, std::size_t count) {
  log_all(values, count);
}
#endif

}  // namespace

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

void portable_log_without_avx2(Frames* values, std::size_t count) { log_all(values, count); }

void portable_log(Frames* values, std::size_t count) {
#ifdef __x86_64__
  if (has_avx2()) return log_all_avx2(values, count);
#endif
  log_all(values, count);
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
  const std::vector<Frames> zeros(half_, Frames{});
  return {zeros, zeros, zeros, zeros};
}

// Inlined into a function for each instruction set. No fused multiply-adds: the bytes are the same.
struct PowerSpectrum::Body {
  // A butterfly stage from x to y: n numbers, `stride` transforms side by side.
  [[gnu::always_inline]] static inline void stage(const PowerSpectrum& spectrum, std::size_t n,
                                                  std::size_t stride, const Frames* xr,
                                                  const Frames* xi, Frames* yr, Frames* yi) {
    const std::size_t m = n / 2;
    for (std::size_t p = 0; p < m; ++p) {
      const double wr = spectrum.cos_[2 * p * stride], wi = spectrum.sin_[2 * p * stride];
      const Frames *ar = xr + stride * p, *ai = xi + stride * p;
      const Frames *br = ar + stride * m, *bi = ai + stride * m;
      Frames *sr = yr + stride * 2 * p, *si = yi + stride * 2 * p, *dr = sr + stride,
             *di = si + stride;
      for (std::size_t q = 0; q < stride; ++q) {
        const auto r = ar[q].of - br[q].of, i = ai[q].of - bi[q].of;
        sr[q].of = ar[q].of + br[q].of;
        si[q].of = ai[q].of + bi[q].of;
        dr[q].of = r * wr - i * wi;
        di[q].of = r * wi + i * wr;
      }
    }
  }

  [[gnu::always_inline]] static inline void compute(const PowerSpectrum& spectrum,
                                                    const Frames* frames, std::size_t count,
                                                    Workspace& space, Frames* power) {
    const std::size_t half = spectrum.half_;
    // Even samples are the real parts, odd ones the imaginary parts of a signal of half the length.
    for (std::size_t i = 0; i < half; ++i) {
      space.re[i] = 2 * i < count ? frames[2 * i] : Frames{};
      space.im[i] = 2 * i + 1 < count ? frames[2 * i + 1] : Frames{};
    }
    Frames *xr = space.re.data(), *xi = space.im.data(), *yr = space.other_re.data(),
           *yi = space.other_im.data();
    for (std::size_t n = half, stride = 1; n > 1; n /= 2, stride *= 2) {
      stage(spectrum, n, stride, xr, xi, yr, yi);
      std::swap(xr, yr);
      std::swap(xi, yi);
    }
    for (std::size_t k = 0; k < half; ++k) {
      const std::size_t mirror = (half - k) % half;
      const double wr = spectrum.cos_[k], wi = spectrum.sin_[k];
      // Spectra of the even and of the odd samples.
      const auto er = 0.5 * (xr[k].of + xr[mirror].of), ei = 0.5 * (xi[k].of - xi[mirror].of);
      const auto odd_r = 0.5 * (xi[k].of + xi[mirror].of),
                 odd_i = -0.5 * (xr[k].of - xr[mirror].of);
      const auto r = er + (wr * odd_r - wi * odd_i), i = ei + (wr * odd_i + wi * odd_r);
      power[k].of = r * r + i * i;
    }
  }

#ifdef __x86_64__
  [[gnu::target("avx2")]] static void compute_avx2(const PowerSpectrum& spectrum,
                                                   const Frames* frames, std::size_t count,
                                                   Workspace& space, Frames* power) {
    compute(spectrum, frames, count, space, power);
  }
#endif
};

void PowerSpectrum::compute_without_avx2(const Frames* frames, std::size_t count, Workspace& space,
                                         Frames* power) const {
  Body::compute(*this, frames, count, space, power);
}

void PowerSpectrum::compute(const Frames* frames, std::size_t count, Workspace& space,
                            Frames* power) const {
#ifdef __x86_64__
  if (has_avx2()) return Body::compute_avx2(*this, frames, count, space, power);
#endif
  compute_without_avx2(frames, count, space, power);
}

}  // namespace balr
