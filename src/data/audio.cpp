#include "balr/data/audio.hpp"

#include <fcntl.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "balr/data/resampler.hpp"

namespace balr {
namespace {

constexpr std::int64_t kBlockFrames = 65536;
constexpr int kMaxRate = 1'000'000;  // Hz

struct SoundFile {
  SNDFILE* handle = nullptr;
  SF_INFO info{};
  ~SoundFile() {
    if (handle) sf_close(handle);
  }
};

DecodeResult failed(RowStatus status, std::string reason) {
  DecodeResult out;
  out.status = status;
  out.reason = std::move(reason);
  return out;
}

// Opens a regular file only: a FIFO or a device could make us wait for ever. Returns -1 and errno, or -2 for another kind.
int open_regular(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return fd;
  close(fd);
  return -2;
}

struct Channels {
  std::vector<std::vector<float>> samples;
  std::int64_t frames = 0;
};

// All frames until the decoder has no more; the status says why not.
DecodeResult read_channels(SoundFile& file, const AudioLimits& limits, Channels& out) {
  const auto channels = static_cast<std::size_t>(file.info.channels);
  const auto max_frames = static_cast<std::int64_t>(limits.max_seconds * file.info.samplerate);
  out.samples.resize(channels);
  std::vector<float> block(static_cast<std::size_t>(kBlockFrames) * channels);
  while (true) {
    const std::int64_t frames = sf_readf_float(file.handle, block.data(), kBlockFrames);
    if (frames <= 0) break;
    out.frames += frames;
    if (out.frames > max_frames || out.frames * file.info.channels > limits.max_values)
      return failed(RowStatus::kTooLong, "longer than " + std::to_string(limits.max_seconds) + " s or too many channels");
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t i = c; i < static_cast<std::size_t>(frames) * channels; i += channels)
        out.samples[c].push_back(block[i]);
  }
  if (const int error = sf_error(file.handle); error != SF_ERR_NO_ERROR)
    return failed(RowStatus::kDecode, sf_error_number(error));
  if (out.frames == 0) return failed(RowStatus::kDecode, "no audio in the file");
  // A FLAC that ends early gives no error, but its header knows better (unless it says "unknown").
  const bool flac = (file.info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
  if (flac && file.info.frames != SF_COUNT_MAX && out.frames < file.info.frames)
    return failed(RowStatus::kDecode, "broken: " + std::to_string(out.frames) + " of " + std::to_string(file.info.frames) +
                                          " frames could be decoded");
  for (const auto& channel : out.samples)
    if (!std::all_of(channel.begin(), channel.end(), [](float x) { return std::isfinite(x); }))
      return failed(RowStatus::kNonFinite, "the audio has samples that are not finite");
  return {};
}

}  // namespace

const char* to_string(RowStatus status) {
  switch (status) {
    case RowStatus::kOk: return "ok";
    case RowStatus::kMissing: return "missing";
    case RowStatus::kDecode: return "decode";
    case RowStatus::kTooShort: return "too_short";
    case RowStatus::kTooLong: return "too_long";
    case RowStatus::kOutOfRange: return "out_of_range";
    case RowStatus::kNonFinite: return "nonfinite";
    case RowStatus::kCrashed: return "crashed";
    case RowStatus::kPending: return "pending";
  }
  return "unknown";
}

AudioLoader::AudioLoader(int rate, const AudioLimits& limits) : rate_(rate), limits_(limits) {}
AudioLoader::~AudioLoader() = default;

std::shared_ptr<const Resampler> AudioLoader::resampler(int source_rate) const {
  {
    std::lock_guard lock(mutex_);
    if (const auto at = resamplers_.find(source_rate); at != resamplers_.end()) return at->second;
  }
  auto made = std::make_shared<const Resampler>(source_rate, rate_);
  std::lock_guard lock(mutex_);
  return resamplers_.emplace(source_rate, std::move(made)).first->second;
}

DecodeResult AudioLoader::load(const std::filesystem::path& path) const {
  const int fd = open_regular(path);
  if (fd == -2) return failed(RowStatus::kMissing, "not a regular file");
  if (fd < 0) return failed(RowStatus::kMissing, std::strerror(errno));
  SoundFile file;
  file.handle = sf_open_fd(fd, SFM_READ, &file.info, SF_TRUE);
  if (!file.handle) {
    close(fd);
    return failed(RowStatus::kDecode, sf_strerror(nullptr));
  }
  if (file.info.channels < 1 || file.info.channels > limits_.max_channels)
    return failed(RowStatus::kDecode, std::to_string(file.info.channels) + " channels");
  if (file.info.samplerate < 1 || file.info.samplerate > kMaxRate)
    return failed(RowStatus::kDecode, "a sampling rate of " + std::to_string(file.info.samplerate) + " Hz");

  Channels channels;
  DecodeResult out = read_channels(file, limits_, channels);
  out.clip.rate = rate_;
  out.clip.source_rate = file.info.samplerate;
  out.clip.seconds = static_cast<double>(channels.frames) / file.info.samplerate;
  if (out.status != RowStatus::kOk) return out;

  if (file.info.samplerate != rate_) {
    const auto shared = resampler(file.info.samplerate);
    for (auto& channel : channels.samples) channel = shared->resample(channel);
  }
  out.clip.samples = std::move(channels.samples[0]);
  if (channels.samples.size() > 1) {
    for (std::size_t i = 0; i < out.clip.samples.size(); ++i) {
      float sum = out.clip.samples[i];
      for (std::size_t c = 1; c < channels.samples.size(); ++c) sum += channels.samples[c][i];
      out.clip.samples[i] = sum / static_cast<float>(channels.samples.size());
    }
  }
  return out;
}

}  // namespace balr
