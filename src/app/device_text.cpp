#include "app/device_text.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "app/launched.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

std::string normalized(const std::string& typed) {
  std::string clean;
  for (const unsigned char c : typed)
    if (std::string_view("()[]'\" ").find(static_cast<char>(c)) == std::string_view::npos)
      clean += static_cast<char>(std::tolower(c));
  for (const std::string_view word : {"cuda:", "none"})
    for (std::size_t at = 0; (at = clean.find(word)) != std::string::npos;)
      clean.erase(at, word.size());
  return clean;
}

// Numbers of up to three digits with commas between them.
bool is_number_list(const std::string& text) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end == at || end - at > 3 || text.find_first_not_of("0123456789", at) < end) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::string device_text(const std::string& typed) {
  const std::string clean = normalized(typed);
  if (clean == "mps") return "cpu";
  if (clean.empty() || clean == "cpu" || clean == "cuda") return clean;
  if (!is_number_list(clean))
    throw ConfigError("Invalid value for '--device': '" + typed +
                      "' is not cpu, cuda or cuda:N with the number of a GPU");
  const auto gpus = std::ranges::count(clean, ',') + 1;
  if (gpus > 1 && !is_launched())
    throw ConfigError("--device " + typed +
                      " needs a process for each GPU; start balr with mpirun -n " +
                      std::to_string(gpus) + " (or srun) and --device cuda");
  return "cuda:" + clean;
}

}  // namespace balr
