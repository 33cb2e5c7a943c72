#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace balr {

class Journal;

// While it lives, a crash of this thread (a signal that its own instructions raise, or abort()) leaves a line in the journal that names
// these rows: a handler writes it and lets the signal act as before. So a crash is known from a kill, and its row from those of other
// threads. One at a time in a thread; without a journal it does nothing.
class CrashNote {
 public:
  CrashNote(const Journal* journal, const std::vector<std::int64_t>& rows);
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;

 private:
  std::string text_;
};

// Installs the handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, once, in front of those of others (MPI's), which act after ours.
void install_crash_notes();

}  // namespace balr
