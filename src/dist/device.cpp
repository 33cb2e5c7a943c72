#include "balr/dist/device.hpp"

#include <ATen/Context.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

#include "balr/core/error.hpp"

namespace balr {
namespace {

// Lower case, without `cuda:`, brackets, quotes and spaces, as the Python balr reads it.
std::string normalized(const std::string& text) {
  std::string clean;
  for (const char c : text)
    if (std::string_view("()[]'\" ").find(c) == std::string_view::npos)
      clean += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view word : {"cuda:", "none"})
    for (std::size_t at = 0; (at = clean.find(word)) != std::string::npos;) clean.erase(at, word.size());
  return clean;
}

std::vector<int> numbers(const std::string& list, const std::string& text) {
  std::vector<int> found;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    int number = 0;
    const auto parsed = std::from_chars(list.data() + at, list.data() + end, number);
    if (parsed.ec != std::errc() || parsed.ptr != list.data() + end || number < 0)
      throw ConfigError("--device " + text + " is no device; give cpu, cuda or the number of a GPU, e.g. --device cuda:0");
    found.push_back(number);
    at = end + 1;
  }
  return found;
}

}  // namespace

int count_gpus() { return static_cast<int>(at::getNumGPUs()); }

c10::Device choose_device(const std::string& text, int local_rank, int visible_gpus) {
  const std::string clean = normalized(text);
  if (clean == "cpu" || clean == "mps" || (clean.empty() && visible_gpus == 0)) return c10::Device(c10::kCPU);
  if (visible_gpus == 0)
    throw ConfigError("--device " + text + ", but this machine shows no usable NVIDIA GPU; run on a GPU node, or pass --device cpu");
  std::vector<int> gpus;
  if (clean == "cuda" || clean.empty()) {
    for (int gpu = 0; gpu < visible_gpus; ++gpu) gpus.push_back(gpu);
  } else {
    gpus = numbers(clean, text);
  }
  for (const int gpu : gpus)
    if (gpu >= visible_gpus)
      throw ConfigError("--device " + text + ", but only " + std::to_string(visible_gpus) + " GPUs are visible (0 to " +
                        std::to_string(visible_gpus - 1) + "); give one of them");
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(gpus[static_cast<std::size_t>(local_rank) % gpus.size()]));
}

}  // namespace balr
