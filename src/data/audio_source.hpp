#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "balr/data/audio.hpp"

namespace balr {

DecodeResult failed(RowStatus status, std::string reason);

// A regular file that a decoder reads through our own functions: no library opens or closes files.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  // kMissing or kDecode (empty) with the reason; IoError without descriptors or memory.
  DecodeResult open(const std::filesystem::path& path);
  std::int64_t size() const;
  std::int64_t time() const { return time_; }  // of the last change, ns since 1970; -1: not open
  std::int64_t seek(std::int64_t offset, int whence);  // as lseek; -1: failed
  std::int64_t read(void* to, std::int64_t count);     // fewer bytes only at the end or on failure
  int error() const { return error_; }                 // errno of the first failing read
  // The first bytes (at most 16), from where it also leaves the position.
  std::string head();

 private:
  int fd_ = -1;
  int error_ = 0;
  std::int64_t time_ = -1;
};

// The audio of a file, decoded step by step.
class AudioSource {
 public:
  virtual ~AudioSource() = default;
  int rate() const { return rate_; }
  int channels() const { return channels_; }
  // The next frames, interleaved, valid until the next call; none at the end and after an error.
  virtual std::span<const float> read() = 0;
  // Once read() gave nothing, with the number of frames that it gave in all: kOk, or what is wrong
  // with the file behind them.
  virtual DecodeResult verdict(std::int64_t frames) = 0;

 protected:
  int rate_ = 0, channels_ = 0;
};

// Either returns a source or says in `failure` why there is none.
std::unique_ptr<AudioSource> open_sound_file(InputFile& file, DecodeResult& failure);
std::unique_ptr<AudioSource> open_ffmpeg_file(InputFile& file, DecodeResult& failure);
// Whether a file that begins so is one for FFmpeg: mp4, wma (ASF), aac (ADTS), matroska.
bool is_for_ffmpeg(const std::string& head);

}  // namespace balr
