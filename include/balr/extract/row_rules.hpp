#pragma once
#include "balr/data/audio.hpp"

namespace balr {

// What is made of audio longer or shorter than the user wants; all of it belongs to the identity.
struct RowRules {
  AudioLimits limits;        // embeddings.long=refuse or truncate: limits.max_seconds and .truncate
  double chunk_seconds = 0;  // embeddings.long=chunk: longer audio is embedded in pieces; 0: whole
  double min_seconds = 0;    // shorter audio is too short, even if the model could take it
  bool repeat_short = false;  // too short audio is repeated until it is long enough
};

}  // namespace balr
