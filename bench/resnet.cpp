// Speed of the speaker network on one thread: the CPU's type, and for 2 s and 8 s of audio the processor time of a forward pass and
// the multiply-adds per second (as GFLOPS of a direct convolution, whatever way they are computed).
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include "balr/speech/resnet.hpp"
#include "speech/resnet_plan.hpp"

namespace {

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown CPU";
}

balr::StateDict random_weights(const balr::ResnetConfig& config) {
  balr::StateDict out;
  for (const auto& [name, shape] : balr::resnet_tensors(config)) {
    at::Tensor tensor = at::randn(shape);
    const double fan_in = static_cast<double>(tensor.numel()) / static_cast<double>(shape[0]);
    if (name.ends_with(".running_var") || (shape.size() == 1 && name.ends_with(".weight")))
      tensor.fill_(1);
    else
      tensor.mul_(1 / std::sqrt(fan_in));
    out.emplace_back(name, tensor);
  }
  return out;
}

// Of this thread: other programs on the machine count little.
double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

double milliseconds(const balr::Resnet& network, std::int64_t frames, int rounds) {
  const at::Tensor features = at::randn({1, frames, network.config().feat_dim});
  double best = 1e30;
  for (int round = 0; round < rounds; ++round) {
    const double start = cpu_milliseconds();
    network.forward(features, {&frames, 1});
    best = std::min(best, cpu_milliseconds() - start);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  balr::ResnetConfig config;
  if (argc > 1) config.name = argv[1];
  const balr::Resnet network(config, random_weights(config));
  std::printf("%s, one thread, %s, ATen %s\n", cpu_name().c_str(), config.name.c_str(), at::get_cpu_capability().c_str());
  for (const std::int64_t frames : {std::int64_t{198}, std::int64_t{798}}) {
    const double time = milliseconds(network, frames, argc > 2 ? std::atoi(argv[2]) : 5);
    std::printf("%lld frames: %.1f ms, %.0f x real time, %.0f GFLOPS\n", static_cast<long long>(frames), time,
                static_cast<double>(frames) * 10 / time, 2 * network.multiplications(frames) / time * 1e-6);
  }
}
