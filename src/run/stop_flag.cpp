#include "balr/run/stop_flag.hpp"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>

namespace balr {
namespace {

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t g_first = 0;     // the signal that counts as the reason
volatile std::sig_atomic_t g_insisted = 0;  // a SIGTERM or SIGINT came
std::atomic<std::int64_t> g_when{0};        // milliseconds, of that one
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t milliseconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

extern "C" void take_signal(int signal) {
  if (g_first == 0) g_first = signal;
  if (signal == SIGUSR2) return;  // however often
  // Whoever asks twice does not want to wait. But launcher and batch system may each pass on the same request.
  if (g_insisted && milliseconds_now() - g_when > 500) _exit(128 + signal);
  if (!g_insisted) g_when = milliseconds_now();
  g_insisted = 1;
}

}  // namespace

StopFlag StopFlag::install() {
  struct sigaction action = {};
  action.sa_handler = take_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) sigaction(signal, &action, nullptr);
  StopFlag flag;
  flag.signals_ = true;
  return flag;
}

void StopFlag::reset_in_child() {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) std::signal(signal, SIG_DFL);
}

bool StopFlag::requested() const {
  return (signals_ && g_first != 0) || (when_ && std::chrono::system_clock::now() >= *when_);
}

std::string StopFlag::reason() const {
  if (!requested()) return "";
  if (!signals_ || g_first == 0) return "the end of the job";
  return g_first == SIGTERM ? "SIGTERM" : g_first == SIGINT ? "SIGINT" : "SIGUSR2";
}

}  // namespace balr
