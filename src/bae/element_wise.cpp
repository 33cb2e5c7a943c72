#include "bae/element_wise.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "bae/clones.hpp"

namespace balr::element_wise {
namespace {

// e^x in float64 for x in [-700, 0], without branches; a NaN stays. Error 2e-10.
inline double exp_of(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.6931471805599453;
  constexpr double kRound =
      0x1.8p52;  // adding it rounds to an integer, which the low bits then hold
  const double power = x * kLog2e;
  const double shifted = power + kRound;
  const double r = (power - (shifted - kRound)) * kLn2;  // |r| <= ln(2) / 2
  double e = 1.0 / 40320.0;                              // Taylor's series up to r^8
  e = e * r + 1.0 / 5040.0;
  e = e * r + 1.0 / 720.0;
  e = e * r + 1.0 / 120.0;
  e = e * r + 1.0 / 24.0;
  e = e * r + 1.0 / 6.0;
  e = e * r + 0.5;
  e = e * r + 1.0;
  e = e * r + 1.0;
  return e * std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023u) << 52);
}

// tanh in float64: (1 - e) / (1 + e) with e = exp(-2 |x|), and x - x^3 / 3 near 0, where that
// cancels.
inline float tanh_of(float x32) {
  const double x = x32, magnitude = std::fabs(x);
  const double clipped = magnitude > 20.0 ? 20.0 : magnitude;  // written so that a NaN stays
  const double e = exp_of(-2.0 * clipped);
  const double wide = (1.0 - e) / (1.0 + e);
  const double narrow = magnitude - magnitude * magnitude * magnitude * (1.0 / 3.0);
  return static_cast<float>(std::copysign(magnitude < 0x1p-10 ? narrow : wide, x));
}

// Natural logarithm of a normal, positive number: 2 atanh((m - 1) / (m + 1)) with the mantissa m in
// [1/sqrt(2), sqrt(2)). Error some 1e-16. Infinity and NaN stay.
double log_of(double x) {
  if (!(x <= std::numeric_limits<double>::max())) return x;
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.7071067811865476) m *= 2, --exponent;
  const double f = (m - 1) / (m + 1), square = f * f;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * square + 1.0 / k;
  return 2 * f * series + exponent * 0.6931471805599453;
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

BALR_CLONES double dot(const float* __restrict a, const float* __restrict b, std::int64_t n) {
  double lanes[kLanes] = {};
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(a[j + lane]) * static_cast<double>(b[j + lane]);
  for (int lane = 0; j < n; ++j, ++lane)
    lanes[lane] += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

BALR_CLONES void scale(float* x, float factor, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) x[j] *= factor;
}

BALR_CLONES void add_to(const float* __restrict x, float* __restrict to, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) to[j] += x[j];
}

BALR_CLONES void project(float* __restrict grad, const float* __restrict x, float along,
                         float factor, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) grad[j] = (grad[j] - x[j] * along) * factor;
}

namespace {

BALR_CLONES void scale_by(float* __restrict x, float factor, const float* __restrict of_class,
                          std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) x[j] = x[j] * factor * of_class[j];
}

// NaN is passed over; it ends up in the sum of exp_row.
BALR_CLONES float largest_of(const float* x, std::int64_t n) {
  float largest[kLanes];
  for (float& lane : largest) lane = -std::numeric_limits<float>::max();
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int lane = 0; lane < kLanes; ++lane)
      largest[lane] = x[j + lane] > largest[lane] ? x[j + lane] : largest[lane];
  for (; j < n; ++j) largest[0] = x[j] > largest[0] ? x[j] : largest[0];
  for (const float lane : largest) largest[0] = lane > largest[0] ? lane : largest[0];
  return largest[0];
}

// x = exp(x - largest); returns the sum.
BALR_CLONES double exp_row(float* x, double largest, std::int64_t n) {
  double lanes[kLanes] = {};
  std::int64_t j = 0;
  const auto one = [&](std::int64_t at, std::int64_t lane) __attribute__((always_inline)) {
    const double power = static_cast<double>(x[at]) - largest;
    const double e = power < -80.0 ? 0.0 : exp_of(power < -80.0 ? -80.0 : power);
    lanes[lane] += e;
    x[at] = static_cast<float>(e);
  };
  for (; j + kLanes <= n; j += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) one(j + lane, lane);
  for (; j < n; ++j) one(j, j % kLanes);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

double arcface_row(const ArcFace& layer, float* x, float inverse, const float* of_class,
                   std::int64_t own, bool backward, double factor, std::int64_t n) {
  const double cosine = static_cast<double>(x[own]) * static_cast<double>(inverse) *
                        static_cast<double>(of_class[own]);
  const double c = cosine > 1.0 ? 1.0 : (cosine < -1.0 ? -1.0 : cosine);
  const double sine = std::sqrt(1.0 - c * c);
  const bool turns = c >= -layer.cos_margin;
  const double turned = turns ? c * layer.cos_margin - sine * layer.sin_margin : c - layer.beyond;
  const auto scale32 = static_cast<float>(layer.scale * static_cast<double>(inverse));
  scale_by(x, scale32, of_class, n);
  x[own] = static_cast<float>(layer.scale * turned);
  const double logit = x[own], largest = largest_of(x, n);
  const double sum = exp_row(x, largest, n);
  const double entropy = log_of(sum) + (largest - logit);
  if (!backward) return entropy;
  const double each = factor * layer.scale;
  // The angle's own slope; at a cosine of 1 it is infinite, and cut off.
  const double slope =
      turns ? layer.cos_margin + c * layer.sin_margin / (sine > 1e-6 ? sine : 1e-6) : 1.0;
  const double of_own = (static_cast<double>(x[own]) / sum - 1.0) * slope;
  scale_by(x, static_cast<float>(each / sum), of_class, n);
  x[own] = static_cast<float>(of_own * each * static_cast<double>(of_class[own]));
  return entropy;
}

BALR_CLONES double excess(const double* __restrict sums, const double* __restrict targets,
                          double factor, float* __restrict slope, std::int64_t n) {
  double lanes[kLanes] = {};
  const auto one = [&](std::int64_t j, std::int64_t lane) __attribute__((always_inline)) {
    const double raw = sums[j] - targets[j];
    const double e = raw < 0.0 ? 0.0 : (raw > 1.0 ? 1.0 : raw);
    lanes[lane] += e * e;
    slope[j] = static_cast<float>(raw > 1.0 ? 0.0 : factor * e);
  };
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) one(j + lane, lane);
  for (; j < n; ++j) one(j, j % kLanes);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

BALR_CLONES bool within(const float* x, float limit, std::int64_t n) {
  std::int32_t outside = 0;
  for (std::int64_t j = 0; j < n; ++j) outside |= std::fabs(x[j]) <= limit ? 0 : 1;
  return outside == 0;
}

BALR_CLONES void pack_bits(const float* codes, float* words, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + 32 <= n; j += 32) {
    std::uint32_t word = 0;
    for (int bit = 0; bit < 32; ++bit) word |= (codes[j + bit] != 0.0f ? 1u : 0u) << bit;
    std::memcpy(words + j / 32, &word, sizeof word);
  }
  std::uint32_t word = 0;
  for (int bit = 0; j + bit < n; ++bit) word |= (codes[j + bit] != 0.0f ? 1u : 0u) << bit;
  if (j < n) std::memcpy(words + j / 32, &word, sizeof word);
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
