// audio_tool RATE FILE [START END CHANNEL]: writes the clip as float32 to stdout and
// "status seconds source_rate reason" to stderr. For tests in Python.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "balr/data/audio.hpp"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 6) return 2;
  balr::AudioPiece piece;
  if (argc == 6) piece = {std::atof(argv[3]), std::atof(argv[4]), std::atoi(argv[5])};
  const balr::AudioLoader loader(std::atoi(argv[1]), {});
  const balr::DecodeResult out = loader.load(argv[2], piece);
  std::fprintf(stderr, "%s %.6f %d %s\n", balr::to_string(out.status), out.clip.seconds,
               out.clip.source_rate, out.reason.c_str());
  std::fwrite(out.clip.samples.data(), sizeof(float), out.clip.samples.size(), stdout);
  return 0;
}
