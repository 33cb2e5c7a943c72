#include "data/clip_builder.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "data/audio_source.hpp"

namespace balr {
namespace {

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

std::int64_t frame_at(double seconds, int rate) {
  const double frame = std::floor(seconds * rate + 0.5);
  return frame < 9e18 ? static_cast<std::int64_t>(frame) : kNoEnd;
}

// In a form that compilers make vectors of: no early way out.
bool all_finite(std::span<const float> values) {
  std::uint32_t bad = 0;
  for (const float value : values)
    bad |= (std::bit_cast<std::uint32_t>(value) & 0x7F800000u) == 0x7F800000u;
  return bad == 0;
}

std::string seconds_text(double seconds) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

}  // namespace

ClipBuilder::ClipBuilder(const AudioPiece& piece, int source_rate, int channels, int rate,
                         std::shared_ptr<const Resampler> resampler, const AudioLimits& limits)
    : piece_(piece),
      source_rate_(source_rate),
      channels_(channels),
      limits_(limits),
      begin_(frame_at(piece.start, source_rate)),
      end_(piece.end < 0 ? kNoEnd : frame_at(piece.end, source_rate)),
      most_(std::max<std::int64_t>(1, frame_at(limits.max_seconds, source_rate))) {
  result_.clip.rate = rate;
  result_.clip.source_rate = source_rate;
  if (piece.channel >= channels)
    fail(RowStatus::kOutOfRange, "channel " + std::to_string(piece.channel) + " of a file with " +
                                     std::to_string(channels) + " (they count from 0)");
  if (resampler) {
    const int used = piece.channel >= 0 ? 1 : channels;
    for (int i = 0; i < used; ++i) resamplers_.emplace_back(resampler);
  }
}

void ClipBuilder::fail(RowStatus status, std::string reason) {
  done_ = true;
  result_.status = status;
  result_.reason = std::move(reason);
  result_.clip.samples = {};
}

void ClipBuilder::add(std::int64_t first, std::span<const float> block) {
  const auto count = static_cast<std::int64_t>(block.size()) / channels_;
  const std::int64_t from = std::max(begin_, first);
  std::int64_t to = std::min(end_, first + count);
  if (done_ || from >= to) return;
  if (used_ + (to - from) > most_) {
    if (!limits_.truncate)
      return fail(RowStatus::kTooLong, "longer than " + seconds_text(limits_.max_seconds) +
                                           " s; embeddings.long=chunk or truncate takes it");
    to = from + (most_ - used_);
    result_.clip.truncated = true;
  }
  used_ += to - from;
  if (static_cast<double>(used_) * result_.clip.rate / source_rate_ >
      static_cast<double>(limits_.max_values))
    return fail(RowStatus::kTooLong, "too many samples for the memory");
  const auto at = [&](std::int64_t frame) {
    return static_cast<std::size_t>((frame - first) * channels_);
  };
  add_frames(block.subspan(at(from), at(to) - at(from)));
  if (result_.clip.truncated) done_ = true;
}

void ClipBuilder::add_frames(std::span<const float> frames) {
  const std::size_t at = result_.clip.samples.size();
  const int first = std::max(0, piece_.channel);
  const int last = piece_.channel >= 0 ? piece_.channel : channels_ - 1;
  for (int c = first; c <= last; ++c) {
    std::span<const float> values = channel_of(frames, c);
    if (!all_finite(values))
      return fail(RowStatus::kNonFinite, "the audio has samples that are not finite");
    if (!resamplers_.empty()) {
      resampled_.clear();
      resamplers_[static_cast<std::size_t>(c - first)].add(values, resampled_);
      values = resampled_;
    }
    add_channel(values, c == first, at);
  }
  divide(at, last - first + 1);
}

std::span<const float> ClipBuilder::channel_of(std::span<const float> frames, int channel) {
  if (channels_ == 1) return frames;
  const auto step = static_cast<std::size_t>(channels_);
  channel_.resize(frames.size() / step);
  for (std::size_t i = 0; i < channel_.size(); ++i)
    channel_[i] = frames[i * step + static_cast<std::size_t>(channel)];
  return channel_;
}

void ClipBuilder::add_channel(std::span<const float> values, bool first, std::size_t at) {
  std::vector<float>& samples = result_.clip.samples;
  if (first) {
    samples.insert(samples.end(), values.begin(), values.end());
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) samples[at + i] += values[i];
  }
}

void ClipBuilder::divide(std::size_t at, int channels) {
  if (channels == 1) return;
  std::vector<float>& samples = result_.clip.samples;
  for (std::size_t i = at; i < samples.size(); ++i) samples[i] /= static_cast<float>(channels);
}

void ClipBuilder::close_resamplers() {
  const std::size_t at = result_.clip.samples.size();
  for (std::size_t c = 0; c < resamplers_.size(); ++c) {
    resampled_.clear();
    resamplers_[c].finish(resampled_);
    add_channel(resampled_, c == 0, at);
  }
  if (!resamplers_.empty()) divide(at, static_cast<int>(resamplers_.size()));
}

DecodeResult ClipBuilder::finish(bool ended, std::int64_t frames, const DecodeResult& verdict) {
  result_.clip.seconds = static_cast<double>(used_) / source_rate_;
  if (result_.status != RowStatus::kOk) return std::move(result_);
  // What lies behind the piece is not its business; what it lacks is.
  const bool complete = result_.clip.truncated || !ended || frames >= end_;
  const double length = static_cast<double>(frames) / source_rate_;
  if (!complete && verdict.status != RowStatus::kOk) {
    fail(verdict.status, verdict.reason);
  } else if (!complete && piece_.end >= 0 && piece_.end > length + limits_.max_overshoot) {
    fail(RowStatus::kOutOfRange, "the piece ends at " + seconds_text(piece_.end) +
                                     " s, the file at " + seconds_text(length) + " s");
  } else if (used_ == 0) {
    fail(RowStatus::kOutOfRange, "the piece begins at " + seconds_text(piece_.start) +
                                     " s, the file ends at " + seconds_text(length) + " s");
  } else {
    close_resamplers();
  }
  return std::move(result_);
}

}  // namespace balr
