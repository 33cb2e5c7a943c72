#include "balr/dist/world.hpp"

#include "balr/core/error.hpp"

namespace balr {
namespace {

// "" if work succeeded, else the exit code, a newline and the message.
std::string outcome(const std::function<void()>& work) {
  const auto failed = [](ExitCode code, const std::string& message) {
    return std::to_string(static_cast<int>(code)) + "\n" + message;
  };
  try {
    work();
    return {};
  } catch (const Error& error) {
    return failed(error.code(), error.what());
  } catch (const std::exception& error) {
    return failed(ExitCode::kInternal, error.what());
  } catch (...) {
    return failed(ExitCode::kInternal, "an error of unknown type");
  }
}

template <class E>
[[noreturn]] void throw_agreed(E error) {
  error.mark_agreed();
  throw error;
}

[[noreturn]] void throw_error(ExitCode code, const std::string& message) {
  switch (code) {
    case ExitCode::kUsage: throw_agreed(ConfigError(message));
    case ExitCode::kData: throw_agreed(DataError(message));
    case ExitCode::kInternal: throw_agreed(InternalError(message));
    case ExitCode::kIo: throw_agreed(IoError(message));
    case ExitCode::kStopped: throw_agreed(StoppedError(message));
    default: throw_agreed(Error(code, message));
  }
}

}  // namespace

void all_agree(World& world, std::string_view name, const std::function<void()>& work) {
  const std::vector<std::string> outcomes = world.all_gather(outcome(work), name);
  const std::string* first = nullptr;
  bool everywhere = true;
  for (const std::string& text : outcomes) {
    if (!first && !text.empty()) first = &text;
    everywhere = everywhere && !text.empty();
  }
  if (!first) return;
  const std::size_t line = first->find('\n');
  std::string message = first->substr(line + 1);
  if (!everywhere) message += " (rank " + std::to_string(first - outcomes.data()) + ")";
  throw_error(static_cast<ExitCode>(std::stoi(first->substr(0, line))), message);
}

}  // namespace balr
