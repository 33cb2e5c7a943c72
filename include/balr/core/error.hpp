#pragma once
#include <source_location>
#include <stdexcept>
#include <string>

namespace balr {

// Exit codes of every command (README, "Exit codes").
enum class ExitCode : int {
  kOk = 0,
  kUsage = 2,       // command line or configuration
  kData = 65,       // input data
  kInternal = 70,   // programmer error, or ranks disagree
  kWatchdog = 71,   // a rank is stuck
  kIo = 74,         // the file system failed
  kStopped = 75,    // stopped on request, resumable
};

// An error whose text is one sentence for the user that says what to do next.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }
  // True: all ranks threw it (all_agree), so that each can end by itself; else the run must be aborted.
  bool agreed() const { return agreed_; }
  void mark_agreed() { agreed_ = true; }

 private:
  ExitCode code_;
  bool agreed_ = false;
};

class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(ExitCode::kUsage, message) {}
};
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitCode::kData, message) {}
};
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message) : Error(ExitCode::kInternal, message) {}
};
class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(ExitCode::kIo, message) {}
};
class StoppedError : public Error {
 public:
  explicit StoppedError(const std::string& message) : Error(ExitCode::kStopped, message) {}
};

// A broken contract between parts of this program: never the user's fault, never compiled out.
inline void check(bool condition, const char* what,
                  std::source_location where = std::source_location::current()) {
  if (!condition)
    throw InternalError(std::string("internal error: ") + what + " (" + where.file_name() + ":" +
                        std::to_string(where.line()) + "); please report it");
}

#define BALR_CHECK(condition) ::balr::check(static_cast<bool>(condition), #condition)

}  // namespace balr
