#include "balr/data/audio_library.hpp"

#include <sndfile.h>

namespace balr {

std::string audio_library_version() {
  const std::string text = sf_version_string();  // "libsndfile-1.2.0"
  return text.substr(text.rfind('-') + 1);
}

}  // namespace balr
