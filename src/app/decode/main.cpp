// balr-decode: decodes one file, alone in a process that may crash or hang. For rows that an
// earlier run was decoding when it died (extract/suspects.hpp).
//   balr-decode RATE MAX_SECONDS START END CHANNEL TIME_OUT PATH
// Ends with 0 whatever the file turned out to be, with 74 if the machine could not do it.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"
#include "balr/data/audio.hpp"

namespace {

// Whatever becomes of the parent, this process ends soon.
void limit_life(unsigned seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(seconds + 10);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "error: balr-decode is for use by balr extract only\n");
    return static_cast<int>(balr::ExitCode::kUsage);
  }
  limit_life(static_cast<unsigned>(std::atoi(argv[6])));
  try {
    balr::AudioLimits limits;
    limits.max_seconds = std::atof(argv[2]);
    const balr::AudioPiece piece{std::atof(argv[3]), std::atof(argv[4]), std::atoi(argv[5])};
    balr::fault_point_at_path("decode", argv[7]);
    balr::AudioLoader(std::atoi(argv[1]), limits).load(argv[7], piece);
    return 0;
  } catch (const std::exception&) {
    return static_cast<int>(balr::ExitCode::kIo);
  }
}
