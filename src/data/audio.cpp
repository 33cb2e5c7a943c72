#include "balr/data/audio.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "balr/core/error.hpp"
#include "balr/data/resampler.hpp"

// libsndfile's MP3 decoder, libmpg123, writes a note to stderr for each damaged frame, and
// libsndfile offers no way to stop it. This definition comes before the library's and makes its
// decoders quiet.
extern "C" void* mpg123_new(const char* decoder, int* error) {
  using New = void* (*)(const char*, int*);
  using Param = int (*)(void*, int, long, double);
  const auto original = reinterpret_cast<New>(dlsym(RTLD_NEXT, "mpg123_new"));
  const auto param = reinterpret_cast<Param>(dlsym(RTLD_NEXT, "mpg123_param"));
  void* handle = original ? original(decoder, error) : nullptr;
  constexpr int kAddFlags = 2;   // MPG123_ADD_FLAGS
  constexpr long kQuiet = 0x20;  // MPG123_QUIET
  if (handle && param) param(handle, kAddFlags, kQuiet, 0);
  return handle;
}

namespace balr {
namespace {

constexpr std::int64_t kBlockFrames = 65536;
// Speech needs at least 8 kHz. A header that claims 1 Hz would make 16,000 samples of each of its
// own.
constexpr int kMinRate = 1000, kMaxRate = 1'000'000;  // Hz

// A file read by libsndfile through our own functions. Given a descriptor instead, libsndfile 1.2
// closes it when it fails, asked to or not; a second close could hit another thread's file.
struct SoundFile {
  int fd = -1;
  int read_error = 0;  // errno of the first failing read
  SNDFILE* handle = nullptr;
  SF_INFO info{};
  SoundFile() = default;
  SoundFile(const SoundFile&) = delete;
  SoundFile& operator=(const SoundFile&) = delete;
  ~SoundFile() {
    if (handle) sf_close(handle);
    if (fd >= 0) close(fd);
  }
};

sf_count_t file_size(void* self) {
  struct stat status;
  return fstat(static_cast<SoundFile*>(self)->fd, &status) == 0 ? status.st_size : 0;
}

sf_count_t seek_file(sf_count_t offset, int whence, void* self) {
  return lseek(static_cast<SoundFile*>(self)->fd, offset, whence);
}

sf_count_t tell_file(void* self) { return lseek(static_cast<SoundFile*>(self)->fd, 0, SEEK_CUR); }

sf_count_t read_bytes(void* to, sf_count_t count, void* self) {
  auto& file = *static_cast<SoundFile*>(self);
  sf_count_t got = 0;
  while (got < count) {
    const ssize_t n =
        read(file.fd, static_cast<char*>(to) + got, static_cast<std::size_t>(count - got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && file.read_error == 0) file.read_error = errno;
    if (n <= 0) break;
    got += n;
  }
  return got;
}

DecodeResult failed(RowStatus status, std::string reason) {
  DecodeResult out;
  out.status = status;
  out.reason = std::move(reason);
  return out;
}

// Opens a regular file only: a FIFO or a device could make us wait for ever.
DecodeResult open_file(const std::filesystem::path& path, SoundFile& file) {
  file.fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    throw IoError("cannot open " + path.string() + " (" + std::strerror(errno) +
                  "); raise the limit (ulimit -n) or use fewer data.num_workers");
  if (file.fd < 0) return failed(RowStatus::kMissing, std::strerror(errno));
  struct stat status;
  if (fstat(file.fd, &status) != 0) return failed(RowStatus::kMissing, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return failed(RowStatus::kMissing, "not a regular file");
  if (status.st_size == 0) return failed(RowStatus::kDecode, "the file is empty");
  SF_VIRTUAL_IO io{file_size, seek_file, read_bytes, nullptr, tell_file};
  file.handle = sf_open_virtual(&io, SFM_READ, &file.info, &file);
  if (file.read_error != 0) return failed(RowStatus::kMissing, std::strerror(file.read_error));
  // libsndfile's own text for a failed open is one variable for all threads: we do not ask for it.
  if (!file.handle)
    return failed(RowStatus::kDecode,
                  "broken, or not a format that can be read here (wav, flac, ogg, opus, mp3)");
  return {};
}

DecodeResult check_header(const SF_INFO& info, const AudioLimits& limits) {
  if (info.channels < 1 || info.channels > limits.max_channels)
    return failed(RowStatus::kDecode, std::to_string(info.channels) + " channels");
  if (info.samplerate < kMinRate || info.samplerate > kMaxRate)
    return failed(RowStatus::kDecode,
                  "a sampling rate of " + std::to_string(info.samplerate) + " Hz");
  return {};
}

struct Channels {
  std::vector<std::vector<float>> samples;
  std::int64_t frames = 0;
};

void append(Channels& out, const float* block, std::size_t frames) {
  const std::size_t channels = out.samples.size();
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<float>& to = out.samples[c];
    const std::size_t at = to.size();
    to.resize(at + frames);
    for (std::size_t i = 0; i < frames; ++i) to[at + i] = block[i * channels + c];
  }
  out.frames += static_cast<std::int64_t>(frames);
}

// All frames until the decoder has no more. The first error stays in `error`: each read clears it.
DecodeResult read_blocks(SoundFile& file, int rate, const AudioLimits& limits, Channels& out,
                         int& error) {
  const auto channels = static_cast<std::size_t>(file.info.channels);
  const double seconds_each = 1.0 / file.info.samplerate;
  const double growth = std::max(1.0, rate * seconds_each);  // by resampling
  out.samples.resize(channels);
  std::vector<float> block(static_cast<std::size_t>(kBlockFrames) * channels);
  while (true) {
    const sf_count_t frames = sf_readf_float(file.handle, block.data(), kBlockFrames);
    if (error == SF_ERR_NO_ERROR) error = sf_error(file.handle);
    if (frames <= 0) break;
    const double total = static_cast<double>(out.frames + frames);
    if (total * seconds_each > limits.max_seconds)
      return failed(RowStatus::kTooLong, "longer than embeddings.max_seconds");
    if (total * growth * file.info.channels > static_cast<double>(limits.max_values))
      return failed(RowStatus::kTooLong, "too many samples for the memory");
    append(out, block.data(), static_cast<std::size_t>(frames));
  }
  return {};
}

// The status says what is wrong with what was decoded.
DecodeResult read_channels(SoundFile& file, int rate, const AudioLimits& limits, Channels& out) {
  int error = SF_ERR_NO_ERROR;
  DecodeResult result = read_blocks(file, rate, limits, out, error);
  if (result.status != RowStatus::kOk) return result;
  if (file.read_error != 0) return failed(RowStatus::kMissing, std::strerror(file.read_error));
  const bool all = out.frames >= file.info.frames;  // never true where the header says "unknown"
  // An error behind the last frame is rubbish at the end of the file: harmless.
  if (error != SF_ERR_NO_ERROR && !all) return failed(RowStatus::kDecode, sf_error_number(error));
  if (out.frames == 0) return failed(RowStatus::kDecode, "no audio in the file");
  // A FLAC that ends early may give no error, but its header knows better.
  const bool flac = (file.info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
  if (flac && file.info.frames != SF_COUNT_MAX && !all)
    return failed(RowStatus::kDecode, "broken: " + std::to_string(out.frames) + " of " +
                                          std::to_string(file.info.frames) + " frames decoded");
  for (const auto& channel : out.samples)
    if (!std::all_of(channel.begin(), channel.end(), [](float x) { return std::isfinite(x); }))
      return failed(RowStatus::kNonFinite, "the audio has samples that are not finite");
  return result;
}

// In place into the first channel, in order of the channels.
std::vector<float> mean_over(Channels& channels) {
  std::vector<float> out = std::move(channels.samples[0]);
  if (channels.samples.size() == 1) return out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t c = 1; c < channels.samples.size(); ++c) out[i] += channels.samples[c][i];
    out[i] /= static_cast<float>(channels.samples.size());
  }
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

DecodeResult AudioLoader::load(const std::filesystem::path& path) const {
  SoundFile file;
  DecodeResult out = open_file(path, file);
  if (out.status != RowStatus::kOk) return out;
  out = check_header(file.info, limits_);
  if (out.status != RowStatus::kOk) return out;

  Channels channels;
  out = read_channels(file, rate_, limits_, channels);
  out.clip.rate = rate_;
  out.clip.source_rate = file.info.samplerate;
  out.clip.seconds = static_cast<double>(channels.frames) / file.info.samplerate;
  if (out.status != RowStatus::kOk) return out;

  if (file.info.samplerate != rate_) {
    const auto shared = resampler(file.info.samplerate);
    for (auto& channel : channels.samples) channel = shared->resample(channel);
  }
  out.clip.samples = mean_over(channels);
  return out;
}

}  // namespace balr
