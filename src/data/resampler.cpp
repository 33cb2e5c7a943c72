#include "balr/data/resampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
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
    reach_ = std::max(reach_, first + count);
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

std::int64_t Resampler::outputs(std::int64_t inputs) const {
  return (inputs * target_ + source_ - 1) / source_;
}

void Resampler::one_period(const float* x, int count, float* out) const {
  for (int phase = 0; phase < count; ++phase) {
    const Phase& p = phases_[static_cast<std::size_t>(phase)];
    const float* from = x + p.first;
    const float* w = weights_.data() + p.offset;
    float sum[kLanes] = {};
    for (int k = 0; k < p.count; k += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) sum[lane] += from[k + lane] * w[k + lane];
    out[phase] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
  }
}

std::vector<float> Resampler::resample(std::span<const float> samples) const {
  const std::int64_t count = outputs(static_cast<std::int64_t>(samples.size()));
  // Zeros on both sides, as torchaudio pads, and room for the last phase's padded taps.
  std::vector<float> padded(
      samples.size() + static_cast<std::size_t>(width_ + source_ + std::max(reach_, taps())), 0.0f);
  std::copy(samples.begin(), samples.end(), padded.begin() + width_);

  std::vector<float> out(static_cast<std::size_t>(count));
  std::int64_t begin = 0;
  for (std::int64_t at = 0; at < count; at += target_, begin += source_)
    one_period(padded.data() + begin, static_cast<int>(std::min<std::int64_t>(target_, count - at)),
               out.data() + at);
  return out;
}

StreamResampler::StreamResampler(std::shared_ptr<const Resampler> resampler)
    : resampler_(std::move(resampler)),
      buffer_(static_cast<std::size_t>(resampler_->width_), 0.0f) {}

void StreamResampler::run(std::int64_t outputs, std::vector<float>& out) {
  const Resampler& r = *resampler_;
  std::size_t begin = 0;
  while (done_ < outputs && begin + static_cast<std::size_t>(r.reach_) <= buffer_.size()) {
    const auto count = static_cast<int>(std::min<std::int64_t>(r.target_, outputs - done_));
    out.resize(out.size() + static_cast<std::size_t>(count));
    r.one_period(buffer_.data() + begin, count, out.data() + out.size() - count);
    done_ += count;
    begin += static_cast<std::size_t>(r.source_);
  }
  begin = std::min(begin, buffer_.size());
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin));
}

void StreamResampler::add(std::span<const float> block, std::vector<float>& out) {
  buffer_.insert(buffer_.end(), block.begin(), block.end());
  inputs_ += static_cast<std::int64_t>(block.size());
  run(std::numeric_limits<std::int64_t>::max(), out);
}

void StreamResampler::finish(std::vector<float>& out) {
  buffer_.resize(
      buffer_.size() + static_cast<std::size_t>(resampler_->reach_ + resampler_->source_), 0.0f);
  run(resampler_->outputs(inputs_), out);
}

}  // namespace balr
