#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "app/files/runs.hpp"
#include "balr/app/command_line.hpp"
#include "balr/weights/hub_fetch.hpp"

namespace balr {
namespace {

using Clock = std::chrono::steady_clock;

// A line that changes on a terminal, a line every ten seconds in a log.
class Progress {
 public:
  void show(const std::string& file, std::uint64_t done, std::uint64_t total) {
    const auto now = Clock::now();
    const bool last = total > 0 && done >= total;
    if (now < next_ && !last) return;
    next_ = now + (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000));
    const double million = 1e6;
    const std::string of = total > 0 ? fmt::format(" of {:.1f}", static_cast<double>(total) / million) : "";
    const std::string text = fmt::format("{}: {:.1f}{} MB", file, static_cast<double>(done) / million, of);
    if (terminal_)
      std::fprintf(stderr, "\r%s%s", text.c_str(), last ? "\n" : "   ");
    else
      spdlog::info("{}", text);
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) == 1;
  Clock::time_point next_ = Clock::now() + std::chrono::milliseconds(terminal_ ? 0 : 10000);
};

}  // namespace

ExitCode run_model_fetch(const ModelFetchCommand& command) {
  ModelRequest request;
  request.repo = command.repo;
  request.revision = command.revision;
  request.model_name = command.model_name;
  request.config_name = command.config_name;
  FetchOptions options;
  options.attempts = static_cast<int>(command.attempts);
  options.user_agent = "balr/" + program_version();
  Progress progress;
  FetchEvents events;
  events.note = [](const std::string& message) { spdlog::info("{}", message); };
  events.progress = [&](const std::string& file, std::uint64_t done, std::uint64_t total) {
    progress.show(file, done, total);
  };
  const ModelFiles files = fetch_model(request, process_environment(), options, events);
  if (!files.note.empty()) spdlog::info("{}", files.note);
  spdlog::info("the model {} is here, with {} and {}", command.repo, files.weights.filename().string(),
               files.config.filename().string());
  std::cout << files.folder.string() << '\n';
  return ExitCode::kOk;
}

}  // namespace balr
