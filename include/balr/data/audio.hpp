#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "balr/data/audio_piece.hpp"

namespace balr {

class InputFile;
class Resampler;

// Why a row has no embedding; the numbers are part of the store's format.
enum class RowStatus : std::uint8_t {
  kOk = 0,
  kMissing = 1,  // no such file, not a regular file, or not readable
  kDecode = 2,   // not audio, or broken
  kTooShort = 3,
  kTooLong = 4,
  kOutOfRange = 5,  // a piece (start, end, channel) outside the file
  kNonFinite = 6,
  kCrashed = 7,    // the decoder crashed or hung on it
  kPending = 255,  // not worked on yet; never in a finished store
};
const char* to_string(RowStatus status);

struct AudioLimits {
  double max_seconds = 24 * 3600;  // of one piece; longer: kTooLong, or cut
  bool truncate = false;           // cut what is longer than max_seconds (AudioClip::truncated)
  double max_overshoot = 0.01;     // seconds a piece may reach beyond the end: texts are rounded
  int max_channels = 64;           // more: kDecode
  std::int64_t max_values = 1'000'000'000;  // samples of one piece after resampling: kTooLong above
  std::size_t max_cached_taps = 16 << 20;   // weights of resamplers kept for the next file: 64 MB
};

// One utterance as the model wants it.
struct AudioClip {
  std::vector<float> samples;  // mono, in [-1, 1], at `rate`
  int rate = 16000;            // Hz
  int source_rate = 0;         // Hz of the file, before resampling
  double seconds = 0;          // of the source audio that was used
  bool truncated = false;
};

// Either a clip or a status other than kOk with the reason.
struct DecodeResult {
  RowStatus status = RowStatus::kOk;
  std::string reason;
  AudioClip clip;
  std::int64_t file_size = -1, file_time = -1;  // bytes, ns since 1970; -1: there is no file
};

// Loads files as mono audio at one rate. Thread-safe; keeps a resampler per source rate.
class AudioLoader {
 public:
  AudioLoader(int rate, const AudioLimits& limits);
  ~AudioLoader();

  // Decodes a file, resamples each channel, then takes the mean over channels. The content decides
  // how, never the name: wav, flac, ogg, opus, mp3 by libsndfile; mp4 (m4a), wma, aac, matroska by
  // FFmpeg where it is installed, else kDecode with a reason that names the packages. Reads blocks
  // until the decoder has no more, resamples them as they come and never makes room for what the
  // header claims: memory is that of the clip. A FLAC or an mp4 shorter than its header says is
  // broken (kDecode), a FLAC that is longer is cut by libsndfile; of a damaged mp3, ogg or opus
  // what the decoder recovers is taken; anything that FFmpeg calls an error is kDecode. Rates from
  // 1 kHz to 1 MHz (else kDecode). Never throws for what the file contains; IoError if the process
  // has no descriptors or no memory left. Prints nothing.
  DecodeResult load(const std::filesystem::path& file, const AudioPiece& piece = {}) const;

  // Several pieces of a file, decoded once. Each result is what load() of that piece alone gives:
  // the samples from round(start * rate) to round(end * rate) of the source, resampled as if they
  // were a file; damage behind a piece's end does not touch it.
  std::vector<DecodeResult> load(const std::filesystem::path& file,
                                 std::span<const AudioPiece> pieces) const;

 private:
  std::vector<DecodeResult> load(InputFile& file, const std::filesystem::path& path,
                                 std::span<const AudioPiece> pieces) const;
  std::shared_ptr<const Resampler> resampler(int source_rate) const;

  int rate_;
  AudioLimits limits_;
  mutable std::mutex mutex_;  // of the two below
  mutable std::map<int, std::shared_ptr<const Resampler>> resamplers_;
  mutable std::size_t cached_taps_ = 0;
};

}  // namespace balr
