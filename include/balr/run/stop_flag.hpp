#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace balr {

// Whether somebody asked this process to stop: SIGTERM, SIGINT or SIGUSR2 (Slurm's --signal), or the time set by stop_at().
// The handlers only set a flag; a second SIGTERM or SIGINT (more than half a second after the first) ends the process at once.
// A value: pass it to whoever must ask.
class StopFlag {
 public:
  // Installs the handlers: before MPI starts, and again after (some MPI and NCCL releases take signals).
  static StopFlag install();
  // For tests and for callers without signals: never requested, unless stop_at() says so.
  StopFlag() = default;

  // In a forked child: the signals act as usual there.
  static void reset_in_child();

  void stop_at(std::chrono::system_clock::time_point when) { when_ = when; }
  bool requested() const;
  // "SIGUSR2", "SIGTERM", "SIGINT" or "the end of the job"; empty if not requested.
  std::string reason() const;

 private:
  bool signals_ = false;
  std::optional<std::chrono::system_clock::time_point> when_;
};

}  // namespace balr
