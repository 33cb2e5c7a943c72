#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balr/data/audio.hpp"
#include "balr/data/resampler.hpp"

namespace balr {

// Makes the clip of one piece while the file goes by, block after block.
class ClipBuilder {
 public:
  // `resampler`: from the source's rate to the clip's, null if they are equal.
  ClipBuilder(const AudioPiece& piece, int source_rate, int channels, int rate,
              std::shared_ptr<const Resampler> resampler, const AudioLimits& limits);

  // Whether frames from here on can change the clip.
  bool wants(std::int64_t frame) const { return !done_ && frame < end_; }
  // `block`: interleaved frames, the first of which is frame number `first` of the file.
  void add(std::int64_t first, std::span<const float> block);
  // `verdict`: what is wrong with the file behind its last frame, number `frames` - 1, if it was
  // read to its end (`ended`).
  DecodeResult finish(bool ended, std::int64_t frames, const DecodeResult& verdict);

 private:
  void fail(RowStatus status, std::string reason);
  void add_frames(std::span<const float> frames);
  std::span<const float> channel_of(std::span<const float> frames, int channel);
  // Adds a channel's values to the sum over channels, whose new part begins at `at`.
  void add_channel(std::span<const float> values, bool first, std::size_t at);
  void divide(std::size_t at, int channels);
  void close_resamplers();

  AudioPiece piece_;
  int source_rate_, channels_;
  AudioLimits limits_;
  std::int64_t begin_, end_;  // frames of the source
  std::int64_t most_;         // frames that may be used
  std::int64_t used_ = 0;
  bool done_ = false;  // failed or full
  DecodeResult result_;
  std::vector<StreamResampler> resamplers_;  // one a channel in use; none without resampling
  std::vector<float> channel_, resampled_;
};

}  // namespace balr
