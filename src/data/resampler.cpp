#include "balr/data/resampler.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>

namespace balr {
namespace {

constexpr int kZeroCrossings = 6;  // each side; torchaudio: lowpass_filter_width
constexpr double kRolloff = 0.99;
constexpr int kLanes = 8;
constexpr int kMaxRate = 1'000'000;  // Hz

// sin and cos in long double: the C library has one version of those for all processors, of the
// others several.
double windowed_sinc(double t, double scale) {
  t = std::clamp(t, -double{kZeroCrossings}, double{kZeroCrossings});
  const double cosine = static_cast<double>(
      std::cos(static_cast<long double>(t * std::numbers::pi / kZeroCrossings / 2)));
  const double window = cosine * cosine;
  const double x = t * std::numbers::pi;
  const double sinc = x == 0 ? 1 : static_cast<double>(std::sin(static_cast<long double>(x))) / x;
  return sinc * (window * scale);
}

}  // namespace

Resampler::Resampler(int source_rate, int target_rate) {
  if (std::min(source_rate, target_rate) < 1 || std::max(source_rate, target_rate) > kMaxRate)
    throw std::invalid_argument("sampling rates must be from 1 to 1,000,000 Hz");
  const int divisor = std::gcd(source_rate, target_rate);
  source_ = source_rate / divisor;
  target_ = target_rate / divisor;
  const double base = std::min(source_, target_) * kRolloff;
  width_ = static_cast<int>(std::ceil(kZeroCrossings * source_ / base));

  for (int phase = 0; phase < target_; ++phase) {
    const double offset = static_cast<float>(-static_cast<double>(phase) / target_);
    const auto position = [&](int tap) {
      return (offset + static_cast<double>(tap - width_) / source_) * base;
    };
    // Taps strictly inside the window; at its edges and beyond, the weight rounds to zero.
    const double centre = -offset * source_ + width_, reach = kZeroCrossings * source_ / base;
    const int first = std::max(0, static_cast<int>(std::floor(centre - reach)));
    const int last = std::min(taps() - 1, static_cast<int>(std::ceil(centre + reach)));
    const int count = (last - first + kLanes) / kLanes * kLanes;
    phases_.push_back({first, weights_.size(), count});
    for (int tap = first; tap < first + count; ++tap)
      weights_.push_back(
          tap <= last ? static_cast<float>(windowed_sinc(position(tap), base / source_)) : 0.0f);
  }
}

std::vector<float> Resampler::kernel() const {
  std::vector<float> out(static_cast<std::size_t>(target_) * static_cast<std::size_t>(taps()),
                         0.0f);
  for (int phase = 0; phase < target_; ++phase) {
    const Phase& p = phases_[static_cast<std::size_t>(phase)];
    for (int k = 0; k < p.count && p.first + k < taps(); ++k)
      out[static_cast<std::size_t>(phase) * static_cast<std::size_t>(taps()) +
          static_cast<std::size_t>(p.first + k)] = weights_[p.offset + static_cast<std::size_t>(k)];
  }
  return out;
}

std::vector<float> Resampler::resample(std::span<const float> samples) const {
  const auto length = static_cast<std::int64_t>(samples.size());
  const std::int64_t outputs = (length * target_ + source_ - 1) / source_;
  // Zeros on both sides, as torchaudio pads, and room for the last phase's padded taps.
  std::vector<float> padded(
      samples.size() + 2 * static_cast<std::size_t>(width_ + source_) + kLanes + 2 * width_, 0.0f);
  std::copy(samples.begin(), samples.end(), padded.begin() + width_);

  std::vector<float> out(static_cast<std::size_t>(outputs));
  std::int64_t at = 0;
  for (std::int64_t begin = 0; at < outputs; begin += source_) {
    for (int phase = 0; phase < target_ && at < outputs; ++phase, ++at) {
      const Phase& p = phases_[static_cast<std::size_t>(phase)];
      const float* x = padded.data() + begin + p.first;
      const float* w = weights_.data() + p.offset;
      float sum[kLanes] = {};
      for (int k = 0; k < p.count; k += kLanes)
        for (int lane = 0; lane < kLanes; ++lane) sum[lane] += x[k + lane] * w[k + lane];
      out[static_cast<std::size_t>(at)] =
          ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    }
  }
  return out;
}

}  // namespace balr
