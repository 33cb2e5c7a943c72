// Speed of the convolutions of ResNet34 on one thread, layer by layer, in GFLOPS of a direct
// convolution: bench_convolution [frames] [rounds]. BALR_KERNELS chooses the path.
#include "balr/kernels/convolution.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace {

using balr::ConvolutionMethod;

struct Layer {
  const char* name;
  balr::ConvolutionShape shape;
  std::int64_t rows, cols;  // of the input
  ConvolutionMethod method;
};

// Of this thread: other programs on the machine count little.
double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

balr::Image picture(std::vector<float>& memory, std::int64_t rows, std::int64_t cols,
                    std::int64_t channels) {
  const std::int64_t pitch = channels == 1 ? 1 : balr::image_pitch(channels);
  constexpr std::size_t kLine = 16;  // floats of a cache line: there the network's pictures begin
  memory.assign(static_cast<std::size_t>(rows * cols * pitch) + kLine, 0.5f);
  const std::size_t skew = reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(float) % kLine;
  return {memory.data() + (kLine - skew) % kLine, rows, cols, channels, pitch, 0};
}

double measure(const Layer& layer, int rounds) {
  const balr::ConvolutionShape& s = layer.shape;
  const std::vector<double> weights(
      static_cast<std::size_t>(s.in_channels * s.out_channels * s.kernel * s.kernel), 0.01);
  const std::vector<double> bias(static_cast<std::size_t>(s.out_channels), 0.1);
  const balr::Convolution convolution(s, weights, bias, layer.method);
  std::vector<float> in, out, added;
  const balr::Image from = picture(in, layer.rows, layer.cols, s.in_channels);
  const std::int64_t rows = balr::strided(layer.rows, s.stride),
                     cols = balr::strided(layer.cols, s.stride);
  const balr::Image to = picture(out, rows, cols, s.out_channels);
  const balr::Image also = picture(added, rows, cols, s.out_channels);
  double best = 1e30;
  for (int round = 0; round < rounds; ++round) {
    const double start = cpu_milliseconds();
    convolution.run(from, to, {also, true});
    best = std::min(best, cpu_milliseconds() - start);
  }
  const double work = 2e-6 * static_cast<double>(rows * cols * s.in_channels * s.out_channels *
                                                 s.kernel * s.kernel);
  std::printf("%-28s %8.3f ms %7.0f GFLOPS\n", layer.name, best, work / best);
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t frames = argc > 1 ? std::atoi(argv[1]) : 780;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 10;
  const std::int64_t half = (frames + 1) / 2, quarter = (half + 1) / 2, eighth = (quarter + 1) / 2;
  const auto direct = ConvolutionMethod::kDirect, winograd = ConvolutionMethod::kWinograd;
  std::printf("%s, %lld frames, one thread\n", balr::path_name(balr::active_path()),
              static_cast<long long>(frames));
  const Layer layers[] = {{"stem", {1, 32, 3, 1}, frames, 80, direct},
                          {"layer1 3x3 winograd", {32, 32, 3, 1}, frames, 80, winograd},
                          {"layer1 3x3 direct", {32, 32, 3, 1}, frames, 80, direct},
                          {"layer2 3x3 stride 2", {32, 64, 3, 2}, frames, 80, direct},
                          {"layer2 1x1 stride 2", {32, 64, 1, 2}, frames, 80, direct},
                          {"layer2 3x3 winograd", {64, 64, 3, 1}, half, 40, winograd},
                          {"layer2 3x3 direct", {64, 64, 3, 1}, half, 40, direct},
                          {"layer3 3x3 stride 2", {64, 128, 3, 2}, half, 40, direct},
                          {"layer3 3x3 winograd", {128, 128, 3, 1}, quarter, 20, winograd},
                          {"layer3 3x3 direct", {128, 128, 3, 1}, quarter, 20, direct},
                          {"layer4 3x3 stride 2", {128, 256, 3, 2}, quarter, 20, direct},
                          {"layer4 3x3 winograd", {256, 256, 3, 1}, eighth, 10, winograd},
                          {"layer4 3x3 direct", {256, 256, 3, 1}, eighth, 10, direct},
                          {"1x1, 256 to 64", {256, 64, 1, 1}, half, 40, direct},
                          {"1x1, 512 to 2048", {512, 2048, 1, 1}, eighth, 10, direct}};
  for (const Layer& layer : layers) measure(layer, rounds);
}
