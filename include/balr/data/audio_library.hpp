#pragma once
#include <string>

namespace balr {

// libsndfile's version: "1.2.0".
std::string audio_library_version();
// That of FFmpeg's libavformat, opened at run time: "59.27.100"; empty where it is not there.
std::string ffmpeg_library_version();

}  // namespace balr
