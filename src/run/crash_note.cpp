#include "balr/run/crash_note.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "balr/run/journal.hpp"

namespace balr {
namespace {

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// What a signal handler may read: plain data of this thread and of the process.
struct Note {
  const char* text = nullptr;
  std::size_t size = 0;
  int descriptor = -1;
};
thread_local Note current;
std::array<struct sigaction, kSignals.size()> before;

// The signal comes again when this returns, as the instruction (or abort()) is repeated; then whoever was there before acts.
void write_note(int signal, siginfo_t* info, void*) {
  const bool own = info->si_code > 0 || (signal == SIGABRT && info->si_pid == getpid());  // not sent from outside
  if (own && current.text != nullptr) {
    [[maybe_unused]] const ssize_t written = ::write(current.descriptor, current.text, current.size);
  }
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (kSignals[i] == signal) sigaction(signal, &before[i], nullptr);
  if (!own) raise(signal);
}

}  // namespace

CrashNote::CrashNote(const Journal* journal, const std::vector<std::int64_t>& rows) {
  if (journal == nullptr) return;
  for (const std::int64_t row : rows) text_ += Journal::line('!', {row, row + 1});
  current = {text_.data(), text_.size(), journal->descriptor()};
}

CrashNote::~CrashNote() { current = {}; }

void install_crash_notes() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = write_note;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before[i]);
  });
}

}  // namespace balr
