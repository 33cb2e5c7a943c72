#pragma once

namespace balr {

// A part of a file; by default all of it, as the mean over its channels.
struct AudioPiece {
  double start = 0;  // seconds
  double end = -1;   // seconds; negative: the end of the file
  int channel = -1;  // from 0; negative: the mean over all channels
  bool operator==(const AudioPiece&) const = default;
};

}  // namespace balr
