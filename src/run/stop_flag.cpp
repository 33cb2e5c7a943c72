#include "balr/run/stop_flag.hpp"

#include <unistd.h>

#include <csignal>

namespace balr {
namespace {

// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t g_signal = 0;

extern "C" void take_signal(int signal) {
  // Whoever asks twice does not want to wait. USR2 may come from several sources: once is enough.
  if (g_signal != 0 && signal != SIGUSR2 && g_signal != SIGUSR2) _exit(128 + signal);
  g_signal = signal;
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

bool StopFlag::requested() const {
  return (signals_ && g_signal != 0) || (when_ && std::chrono::system_clock::now() >= *when_);
}

std::string StopFlag::reason() const {
  if (!requested()) return "";
  if (!signals_ || g_signal == 0) return "the end of the job";
  return g_signal == SIGTERM ? "SIGTERM" : g_signal == SIGINT ? "SIGINT" : "SIGUSR2";
}

}  // namespace balr
