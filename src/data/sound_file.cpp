// The one place that knows libsndfile.
#include <dlfcn.h>
#include <sndfile.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "data/audio_source.hpp"

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

constexpr std::size_t kBlockValues = 65536;  // frames x channels

InputFile& file_of(void* self) { return *static_cast<InputFile*>(self); }
sf_count_t file_size(void* self) { return file_of(self).size(); }
sf_count_t seek_file(sf_count_t offset, int whence, void* self) {
  return file_of(self).seek(offset, whence);
}
sf_count_t tell_file(void* self) { return file_of(self).seek(0, SEEK_CUR); }
sf_count_t read_file(void* to, sf_count_t count, void* self) {
  return file_of(self).read(to, count);
}

// libsndfile reads through our own functions. Given a descriptor instead, its version 1.2 closes it
// when it fails, asked to or not; a second close could hit another thread's file.
class SoundFile final : public AudioSource {
 public:
  explicit SoundFile(InputFile& file) {
    SF_VIRTUAL_IO io{file_size, seek_file, read_file, nullptr, tell_file};
    handle_ = sf_open_virtual(&io, SFM_READ, &info_, &file);
    rate_ = info_.samplerate;
    channels_ = info_.channels;
  }
  ~SoundFile() override {
    if (handle_) sf_close(handle_);
  }
  SoundFile(const SoundFile&) = delete;
  SoundFile& operator=(const SoundFile&) = delete;

  bool ok() const { return handle_ != nullptr; }

  std::span<const float> read() override {
    const std::size_t channels = static_cast<std::size_t>(channels_);
    block_.resize(std::max<std::size_t>(1, kBlockValues / channels) * channels);
    const sf_count_t frames =
        sf_readf_float(handle_, block_.data(), static_cast<sf_count_t>(block_.size() / channels));
    // The first error stays: each read clears it.
    if (error_ == SF_ERR_NO_ERROR) error_ = sf_error(handle_);
    if (frames <= 0) return {};
    return {block_.data(), static_cast<std::size_t>(frames) * channels};
  }

  DecodeResult verdict(std::int64_t frames) override {
    const bool all = frames >= info_.frames;  // never true where the header says "unknown"
    // An error behind the last frame is rubbish at the end of the file: harmless.
    if (error_ != SF_ERR_NO_ERROR && !all)
      return failed(RowStatus::kDecode, sf_error_number(error_));
    if (frames == 0) return failed(RowStatus::kDecode, "no audio in the file");
    // A FLAC that ends early may give no error, but its header knows better.
    const bool flac = (info_.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
    if (flac && info_.frames != SF_COUNT_MAX && !all)
      return failed(RowStatus::kDecode, "broken: " + std::to_string(frames) + " of " +
                                            std::to_string(info_.frames) + " frames decoded");
    return {};
  }

 private:
  SNDFILE* handle_ = nullptr;
  SF_INFO info_{};
  int error_ = SF_ERR_NO_ERROR;
  std::vector<float> block_;
};

}  // namespace

std::unique_ptr<AudioSource> open_sound_file(InputFile& file, DecodeResult& failure) {
  auto source = std::make_unique<SoundFile>(file);
  if (source->ok()) return source;
  // libsndfile's own text for a failed open is one variable for all threads: we do not ask for it.
  failure = failed(RowStatus::kDecode,
                   "broken, or not a format that can be read here (wav, flac, ogg, opus, mp3, m4a, "
                   "wma)");
  return nullptr;
}

}  // namespace balr
