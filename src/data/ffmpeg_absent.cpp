// Compiled instead of ffmpeg_file.cpp where FFmpeg's headers are not there.
#include "balr/data/audio_library.hpp"
#include "data/audio_source.hpp"

namespace balr {

std::string ffmpeg_library_version() { return {}; }

std::unique_ptr<AudioSource> open_ffmpeg_file(InputFile&, DecodeResult& failure) {
  failure = failed(RowStatus::kDecode,
                   "m4a, wma, aac and matroska need FFmpeg, which was not there when balr was "
                   "built: install libavformat-dev and libavcodec-dev (Debian, Ubuntu) or load the "
                   "module ffmpeg, and build balr again");
  return nullptr;
}

}  // namespace balr
