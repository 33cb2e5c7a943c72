#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "balr/data/manifest.hpp"
#include "balr/extract/row_rules.hpp"

// Rows whose decoding may crash or hang are tried alone, in a child process each.
namespace balr {

// How a row is tried.
struct TrialOptions {
  std::filesystem::path program;  // balr-decode
  int rate = 16000;
  AudioLimits limits;
  double timeout_seconds = 600;
};

// One row in one child process. The child starts neither MPI nor LibTorch and shares no memory with this process (it is a
// program of its own, not a fork that goes on), so it is safe beside MPI and threads.
class Trial {
 public:
  // Throws IoError if the program cannot be started.
  Trial(const TrialOptions& options, const Manifest& manifest, std::int64_t row);
  ~Trial();  // kills the child
  Trial(Trial&& other) noexcept;
  Trial& operator=(Trial&& other) noexcept;

  std::int64_t row() const { return row_; }
  // Nothing while the child runs; then "" if the row is innocent, else what became of the child. Throws IoError if the machine
  // could not do it.
  std::optional<std::string> poll();

 private:
  void start();
  std::string judge(int status);

  const TrialOptions* options_;
  const Manifest* manifest_;
  std::int64_t row_;
  pid_t child_ = -1;
  int starts_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

struct Culprit {
  std::int64_t row = 0;
  std::string reason;
};
// Tries rows, `at_once` at a time; returns those that are guilty. `meanwhile` is called many times a second and may throw.
std::vector<Culprit> find_culprits(const TrialOptions& options, const Manifest& manifest,
                                   const std::vector<std::int64_t>& rows, int at_once,
                                   const std::function<void()>& meanwhile);

}  // namespace balr
