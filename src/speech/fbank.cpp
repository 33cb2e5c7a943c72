#include "balr/speech/fbank.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "balr/core/error.hpp"
#include "speech/fbank_math.hpp"

namespace balr {
namespace {

constexpr double kMaxFrame = 1 << 17;  // samples
constexpr double kPreemphasis = 0.97;
constexpr float kFloor = 1.1920929e-07f;  // float32's epsilon

double mel(double frequency) { return 1127.0 * portable_log(1.0 + frequency / 700.0); }

// Length of a frame or of a step, rounded down as the reference does.
int samples_of(const FbankOptions& options, int milliseconds, const char* key) {
  const double samples = static_cast<double>(options.rate) * milliseconds * 0.001;
  if (samples < 2 || samples > kMaxFrame)
    throw ConfigError(std::string("embeddings.model.features.") + key + " is " +
                      std::to_string(milliseconds) +
                      " ms; it must be positive and at most a few seconds");
  return static_cast<int>(samples);
}

// Triangles (bins, spectrum), row-major. In float64, unlike torchaudio's: near a triangle's foot
// float32 loses four digits of the weight, and with it of a quiet cell beside a loud one.
std::vector<float> mel_triangles(const FbankOptions& options, std::size_t spectrum,
                                 std::size_t fft_size) {
  const double low = mel(options.low_frequency), high = mel(options.rate / 2.0);
  const double delta = (high - low) / (options.num_mel_bins + 1);
  const double width = static_cast<double>(options.rate) / static_cast<double>(fft_size);
  std::vector<float> out;
  for (int bin = 0; bin < options.num_mel_bins; ++bin) {
    const double left = low + bin * delta, centre = low + (bin + 1) * delta;
    const double right = low + (bin + 2) * delta;
    for (std::size_t k = 0; k < spectrum; ++k) {
      const double at = mel(width * static_cast<double>(k));
      const double up = (at - left) / (centre - left), down = (right - at) / (right - centre);
      out.push_back(static_cast<float>(std::max(0.0, std::min(up, down))));
    }
  }
  return out;
}

// Per bin over time; the variance is about the mean whether or not the mean is subtracted.
void normalize(std::vector<float>& features, std::int64_t frames, const FbankOptions& options) {
  const auto bins = static_cast<std::size_t>(options.num_mel_bins);
  const auto count = static_cast<std::size_t>(frames);
  std::vector<double> sums(bins), squares(bins);
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t bin = 0; bin < bins; ++bin) sums[bin] += features[t * bins + bin];
  std::vector<float> means(bins), deviations(bins);
  for (std::size_t bin = 0; bin < bins; ++bin)
    means[bin] = static_cast<float>(sums[bin] / static_cast<double>(frames));
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t bin = 0; bin < bins; ++bin) {
      float& value = features[t * bins + bin];
      const float centred = value - means[bin];
      squares[bin] += double{centred} * centred;
      if (options.normalize_mean) value = centred;
    }
  if (!options.normalize_var) return;
  for (std::size_t bin = 0; bin < bins; ++bin)
    deviations[bin] =
        static_cast<float>(std::sqrt(squares[bin] / static_cast<double>(frames - 1) + 1e-8));
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t bin = 0; bin < bins; ++bin) features[t * bins + bin] /= deviations[bin];
}

// Four frames that begin at from[0] to from[kFrames - 1]: scaled, without their means,
// pre-emphasized and under the window. `frame` is scratch of the same length.
void prepare(const float* const* from, float scale, const std::vector<double>& window,
             std::vector<Frames>& frame, std::vector<Frames>& windowed) {
  const std::size_t size = window.size();
  Frames sum{};
  for (std::size_t i = 0; i < size; ++i) {
    static_assert(kFrames == 4);
    const Frames samples = {{from[0][i], from[1][i], from[2][i], from[3][i]}};
    frame[i].of = samples.of * double{scale};
    sum.of += frame[i].of;
  }
  const auto mean = sum.of / static_cast<double>(size);
  for (Frames& x : frame) x.of -= mean;
  windowed[0].of = (frame[0].of - kPreemphasis * frame[0].of) * window[0];
  for (std::size_t i = 1; i < size; ++i)
    windowed[i].of = (frame[i].of - kPreemphasis * frame[i - 1].of) * window[i];
}

}  // namespace

Fbank::Fbank(const FbankOptions& options) : options_(options) {
  window_size_ = samples_of(options, options.frame_length, "frame_length");
  window_shift_ = samples_of(options, options.frame_shift, "frame_shift");
  std::size_t size = 4;
  while (size < static_cast<std::size_t>(window_size_)) size *= 2;
  spectrum_ = std::make_shared<const PowerSpectrum>(size);
  if (options.num_mel_bins < 1 ||
      static_cast<std::size_t>(options.num_mel_bins) > spectrum_->bins())
    throw ConfigError("embeddings.model.features.num_mel_bins must be from 1 to " +
                      std::to_string(spectrum_->bins()));
  for (int i = 0; i < window_size_; ++i) {
    const long double angle = 2 * std::numbers::pi_v<long double> * i / (window_size_ - 1);
    window_.push_back(static_cast<double>(0.54L - 0.46L * std::cos(angle)));
  }
  mel_ = mel_triangles(options, spectrum_->bins(), size);
  for (int bin = 0; bin < options.num_mel_bins; ++bin) {
    const auto row = mel_.begin() + static_cast<std::ptrdiff_t>(bin) *
                                        static_cast<std::ptrdiff_t>(spectrum_->bins());
    const auto end = row + static_cast<std::ptrdiff_t>(spectrum_->bins());
    const auto nonzero = [](float weight) { return weight != 0; };
    const auto first = std::find_if(row, end, nonzero);
    const auto last =
        std::find_if(std::make_reverse_iterator(end), std::make_reverse_iterator(first), nonzero)
            .base();
    mel_begin_.push_back(static_cast<int>(first - row));
    mel_end_.push_back(static_cast<int>(last - row));
  }
}

std::int64_t Fbank::frames(std::int64_t samples) const {
  return samples < window_size_ ? 0 : 1 + (samples - window_size_) / window_shift_;
}

std::vector<float> Fbank::compute(std::span<const float> samples) const {
  const std::int64_t count = frames(static_cast<std::int64_t>(samples.size()));
  const auto size = static_cast<std::size_t>(window_size_),
             bins = static_cast<std::size_t>(options_.num_mel_bins);
  std::vector<float> features(static_cast<std::size_t>(count) * bins);
  std::vector<Frames> frame(size), windowed(size), power(spectrum_->bins()), energies(bins);
  PowerSpectrum::Workspace space = spectrum_->workspace();
  const float* from[kFrames];
  for (std::int64_t t = 0; t < count; t += kFrames) {
    for (std::int64_t lane = 0; lane < std::int64_t{kFrames}; ++lane)  // the last frame fills up
      from[lane] = samples.data() + std::min(t + lane, count - 1) * window_shift_;
    prepare(from, options_.scale, window_, frame, windowed);
    spectrum_->compute(windowed.data(), size, space, power.data());
    const std::int64_t lanes = std::min<std::int64_t>(kFrames, count - t);
    for (std::size_t bin = 0; bin < bins; ++bin) {
      const float* weights = mel_.data() + bin * spectrum_->bins();
      auto energy = Frames{}.of;
      for (int k = mel_begin_[bin]; k < mel_end_[bin]; ++k)
        energy += double{weights[k]} * power[static_cast<std::size_t>(k)].of;
      energies[bin].of = energy < double{kFloor} ? Frames{}.of + double{kFloor} : energy;
    }
    portable_log(energies.data(), bins);
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      for (std::size_t bin = 0; bin < bins; ++bin)
        features[static_cast<std::size_t>(t + lane) * bins + bin] =
            static_cast<float>(energies[bin].of[lane]);
  }
  if ((options_.normalize_mean || options_.normalize_var) && count > 0)
    normalize(features, count, options_);
  return features;
}

}  // namespace balr
