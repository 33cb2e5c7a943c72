#include "balr/core/fault.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "balr/core/error.hpp"

namespace balr {
namespace {

struct Fault {
  std::string action, place, key, number;
};

Fault parse(std::string_view text) {
  Fault out;
  const std::size_t at = text.find('@'), colon = text.find(':', at);
  if (at == std::string_view::npos || colon == std::string_view::npos) return out;
  out.action = text.substr(0, at);
  out.place = text.substr(at + 1, colon - at - 1);
  out.key = text.substr(colon + 1);
  if (const std::size_t equal = out.key.rfind('='); equal != std::string::npos) {
    out.number = out.key.substr(equal + 1);
    out.key.resize(equal);
  }
  return out;
}

// The first fault of the list that `wanted` accepts.
template <class Wanted>
std::optional<Fault> find_fault(std::string_view place, Wanted wanted) {
  const char* list = std::getenv("BALR_FAULT");
  if (list == nullptr) return std::nullopt;
  std::string_view rest(list);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    Fault fault = parse(rest.substr(0, end));
    if (fault.place == place && wanted(fault)) return fault;
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return std::nullopt;
}

void act(const Fault& fault) {
  if (fault.action == "throw")
    throw InternalError("BALR_FAULT asked for an error at " + fault.place);
  if (fault.action == "full")
    throw IoError("cannot write: No space left on device (BALR_FAULT asked for it at " +
                  fault.place + ")");
  if (fault.action == "segv") {
    volatile int* volatile nowhere = nullptr;  // volatile twice: the compiler must do it
    *nowhere = 1;
  }
  if (fault.action == "abort") std::abort();
  if (fault.action == "kill") raise(SIGKILL);
  if (fault.action == "term") raise(SIGTERM);
  while (fault.action == "hang") sleep(1000);
  volatile std::uint64_t count = 0;
  while (fault.action == "spin") count = count + 1;
}

}  // namespace

void fault_point(std::string_view place, int rank) {
  const auto fault = find_fault(place, [&](const Fault& f) {
    return f.key == std::to_string(rank) && f.number.empty();
  });
  if (fault) act(*fault);
}

void fault_point(std::string_view place, int rank, std::int64_t number) {
  const auto fault = find_fault(place, [&](const Fault& f) {
    return f.key == std::to_string(rank) &&
           (f.number.empty() || f.number == std::to_string(number));
  });
  if (fault) act(*fault);
}

void fault_point_at_path(std::string_view place, std::string_view path) {
  const auto fault =
      find_fault(place, [&](const Fault& f) { return !f.key.empty() && path.ends_with(f.key); });
  if (fault) act(*fault);
}

double fault_number(std::string_view name, std::string_view place, int rank) {
  const auto fault = find_fault(place, [&](const Fault& f) {
    return f.action == name && f.key == std::to_string(rank) && !f.number.empty();
  });
  return fault ? std::strtod(fault->number.c_str(), nullptr) : 0;
}

}  // namespace balr
