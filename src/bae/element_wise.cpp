#include "bae/element_wise.hpp"

#include <bit>
#include <cmath>
#include <cstring>

// One build of each loop per instruction set, chosen when the program is loaded. They differ in
// speed only.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define BALR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BALR_CLONES
#endif

namespace balr::element_wise {
namespace {

// tanh in float64, without branches: (1 - e) / (1 + e) with e = exp(-2 |x|), and x - x^3 / 3 near
// 0, where that cancels.
inline float tanh_of(float x32) {
  constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.6931471805599453;
  constexpr double kRound =
      0x1.8p52;  // adding it rounds to an integer, which the low bits then hold
  const double x = x32, magnitude = std::fabs(x);
  const double clipped = magnitude > 20.0 ? 20.0 : magnitude;  // written so that a NaN stays
  const double power = clipped * (-2.0 * kLog2e);
  const double shifted = power + kRound;
  const double r = (power - (shifted - kRound)) * kLn2;  // |r| <= ln(2) / 2
  double e = 1.0 / 40320.0;                              // Taylor's series up to r^8: 2e-10
  e = e * r + 1.0 / 5040.0;
  e = e * r + 1.0 / 720.0;
  e = e * r + 1.0 / 120.0;
  e = e * r + 1.0 / 24.0;
  e = e * r + 1.0 / 6.0;
  e = e * r + 0.5;
  e = e * r + 1.0;
  e = e * r + 1.0;
  e *= std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023u) << 52);
  const double wide = (1.0 - e) / (1.0 + e);
  const double narrow = magnitude - magnitude * magnitude * magnitude * (1.0 / 3.0);
  return static_cast<float>(std::copysign(magnitude < 0x1p-10 ? narrow : wide, x));
}

}  // namespace

BALR_CLONES void relu(float* x, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) x[j] = x[j] <= 0.0f ? 0.0f : x[j];
}

BALR_CLONES void tanh(float* x, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) x[j] = tanh_of(x[j]);
}

BALR_CLONES void codes(const float* __restrict z, float* __restrict out, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = z[j] > 0.0f ? 1.0f : 0.0f;
}

BALR_CLONES void tanh_backward(float* __restrict grad, const float* __restrict y, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) grad[j] *= 1.0f - y[j] * y[j];
}

BALR_CLONES void straight_through(const float* __restrict grad_codes,
                                  const float* __restrict grad_z, const float* __restrict z,
                                  float* __restrict out, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    const float g = grad_codes[j];
    out[j] = g < -1.0f ? -1.0f : (g > 1.0f ? 1.0f : g);
  }
  if (grad_z)
    for (std::int64_t j = 0; j < n; ++j) out[j] += grad_z[j];
  for (std::int64_t j = 0; j < n; ++j) out[j] *= 1.0f - z[j] * z[j];
}

BALR_CLONES void difference(const float* __restrict a, const float* __restrict b, float factor,
                            float* __restrict out, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = (a[j] - b[j]) * factor;
}

BALR_CLONES void normalize(const float* __restrict x, const float* __restrict mean,
                           const float* __restrict inverse_deviation, const float* __restrict gamma,
                           const float* __restrict beta, float* __restrict out, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j)
    out[j] = (x[j] - mean[j]) * (inverse_deviation[j] * gamma[j]) + beta[j];
}

BALR_CLONES void normalize_backward(const float* __restrict grad, const float* __restrict x,
                                    const NormalizeBackward& v, float* __restrict out,
                                    std::int64_t n) {
  const float* __restrict mean = v.mean, * __restrict offset = v.offset;
  const float* __restrict slope = v.slope, * __restrict scale = v.scale;
  for (std::int64_t j = 0; j < n; ++j) {
    const float g = (grad[j] - offset[j] - (x[j] - mean[j]) * slope[j]) * scale[j];
    out[j] = x[j] <= 0.0f ? 0.0f : g;
  }
}

BALR_CLONES void add(const float* __restrict x, double* __restrict sums, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) sums[j] += x[j];
}

BALR_CLONES void add_moments(const float* __restrict x, double* __restrict sums,
                             double* __restrict squares, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    const double value = x[j];
    sums[j] += value;
    squares[j] += value * value;
  }
}

BALR_CLONES void add_normalize_sums(const float* __restrict grad, const float* __restrict x,
                                    const float* __restrict mean, double* __restrict sums,
                                    double* __restrict dots, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    const double g = grad[j];
    sums[j] += g;
    dots[j] += g * (static_cast<double>(x[j]) - static_cast<double>(mean[j]));
  }
}

BALR_CLONES void add_square_difference(const float* __restrict a, const float* __restrict b,
                                       double* __restrict lanes, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const double d = a[j + lane] - b[j + lane];
      lanes[lane] += d * d;
    }
  for (int lane = 0; j < n; ++j, ++lane) {
    const double d = a[j] - b[j];
    lanes[lane] += d * d;
  }
}

BALR_CLONES bool within(const float* x, float limit, std::int64_t n) {
  std::int32_t outside = 0;
  for (std::int64_t j = 0; j < n; ++j) outside |= std::fabs(x[j]) <= limit ? 0 : 1;
  return outside == 0;
}

void pack_bits(const float* codes, float* words, std::int64_t n) {
  for (std::int64_t j = 0; j < n; j += 32) {
    std::uint32_t word = 0;
    for (std::int64_t bit = 0; bit < 32 && j + bit < n; ++bit)
      word |= static_cast<std::uint32_t>(codes[j + bit] != 0.0f) << bit;
    std::memcpy(words + j / 32, &word, sizeof word);
  }
}

void unpack_bits(const float* words, float* codes, std::int64_t n) {
  for (std::int64_t j = 0; j < n; j += 32) {
    std::uint32_t word = 0;
    std::memcpy(&word, words + j / 32, sizeof word);
    for (std::int64_t bit = 0; bit < 32 && j + bit < n; ++bit)
      codes[j + bit] = (word >> bit) & 1u ? 1.0f : 0.0f;
  }
}

}  // namespace balr::element_wise
