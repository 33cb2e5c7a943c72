#include "balr/data/audio.hpp"

#include <algorithm>
#include <cstring>

#include "balr/data/resampler.hpp"
#include "data/audio_source.hpp"
#include "data/clip_builder.hpp"

namespace balr {
namespace {

// Speech needs at least 8 kHz. A header that claims 1 Hz would make 16,000 samples of each of its
// own.
constexpr int kMinRate = 1000, kMaxRate = 1'000'000;  // Hz

DecodeResult check_header(const AudioSource& source, const AudioLimits& limits) {
  if (source.channels() < 1 || source.channels() > limits.max_channels)
    return failed(RowStatus::kDecode, std::to_string(source.channels()) + " channels");
  if (source.rate() < kMinRate || source.rate() > kMaxRate)
    return failed(RowStatus::kDecode,
                  "a sampling rate of " + std::to_string(source.rate()) + " Hz");
  return {};
}

std::unique_ptr<AudioSource> open_source(const std::filesystem::path& path, InputFile& file,
                                         const AudioLimits& limits, DecodeResult& failure) {
  failure = file.open(path);
  if (failure.status != RowStatus::kOk) return nullptr;
  auto source =
      is_for_ffmpeg(file.head()) ? open_ffmpeg_file(file, failure) : open_sound_file(file, failure);
  if (file.error() != 0) failure = failed(RowStatus::kMissing, std::strerror(file.error()));
  if (failure.status == RowStatus::kOk) failure = check_header(*source, limits);
  return failure.status == RowStatus::kOk ? std::move(source) : nullptr;
}

// One pass over the file, for as long as a piece wants more.
std::vector<DecodeResult> read_pieces(InputFile& file, AudioSource& source,
                                      std::vector<ClipBuilder>& builders) {
  std::int64_t frames = 0;
  bool ended = false;
  const auto wanted = [&] {
    return std::any_of(builders.begin(), builders.end(),
                       [&](const ClipBuilder& builder) { return builder.wants(frames); });
  };
  while (wanted()) {
    const std::span<const float> block = source.read();
    ended = block.empty();
    if (ended) break;
    for (ClipBuilder& builder : builders) builder.add(frames, block);
    frames += static_cast<std::int64_t>(block.size()) / source.channels();
  }
  DecodeResult verdict;
  if (ended) verdict = source.verdict(frames);
  if (file.error() != 0) verdict = failed(RowStatus::kMissing, std::strerror(file.error()));
  std::vector<DecodeResult> out;
  for (ClipBuilder& builder : builders) out.push_back(builder.finish(ended, frames, verdict));
  return out;
}

}  // namespace

const char* to_string(RowStatus status) {
  switch (status) {
    case RowStatus::kOk:
      return "ok";
    case RowStatus::kMissing:
      return "missing";
    case RowStatus::kDecode:
      return "decode";
    case RowStatus::kTooShort:
      return "too_short";
    case RowStatus::kTooLong:
      return "too_long";
    case RowStatus::kOutOfRange:
      return "out_of_range";
    case RowStatus::kNonFinite:
      return "nonfinite";
    case RowStatus::kCrashed:
      return "crashed";
    case RowStatus::kPending:
      return "pending";
  }
  return "unknown";
}

AudioLoader::AudioLoader(int rate, const AudioLimits& limits) : rate_(rate), limits_(limits) {}
AudioLoader::~AudioLoader() = default;

// Made outside the lock, which other threads need. Files with ever new rates do not fill the
// memory: the cache starts again when it is full.
std::shared_ptr<const Resampler> AudioLoader::resampler(int source_rate) const {
  {
    std::lock_guard lock(mutex_);
    if (const auto at = resamplers_.find(source_rate); at != resamplers_.end()) return at->second;
  }
  auto made = std::make_shared<const Resampler>(source_rate, rate_);
  std::lock_guard lock(mutex_);
  if (cached_taps_ + made->stored_taps() > limits_.max_cached_taps) {
    resamplers_.clear();
    cached_taps_ = 0;
  }
  const auto [at, added] = resamplers_.emplace(source_rate, std::move(made));
  if (added) cached_taps_ += at->second->stored_taps();
  return at->second;
}

DecodeResult AudioLoader::load(const std::filesystem::path& path, const AudioPiece& piece) const {
  return std::move(load(path, {&piece, 1}).front());
}

std::vector<DecodeResult> AudioLoader::load(const std::filesystem::path& path,
                                            std::span<const AudioPiece> pieces) const {
  InputFile file;
  std::vector<DecodeResult> out = load(file, path, pieces);
  for (DecodeResult& result : out) {
    result.file_time = file.time();
    result.file_size = file.time() < 0 ? -1 : file.size();
  }
  return out;
}

std::vector<DecodeResult> AudioLoader::load(InputFile& file, const std::filesystem::path& path,
                                            std::span<const AudioPiece> pieces) const {
  DecodeResult failure;
  const auto source = open_source(path, file, limits_, failure);
  if (!source) return std::vector<DecodeResult>(pieces.size(), failure);
  const auto shared = source->rate() == rate_ ? nullptr : resampler(source->rate());
  std::vector<ClipBuilder> builders;
  builders.reserve(pieces.size());
  for (const AudioPiece& piece : pieces)
    builders.emplace_back(piece, source->rate(), source->channels(), rate_, shared, limits_);
  return read_pieces(file, *source, builders);
}

}  // namespace balr
