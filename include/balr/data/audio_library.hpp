#pragma once
#include <string>

namespace balr {

// libsndfile's version: "1.2.0".
std::string audio_library_version();

}  // namespace balr
