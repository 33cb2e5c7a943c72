// How fast one core turns audio into features: bench_frontend [audio file ...]
// Figures are in x real time (seconds of audio per second of work), the best of several runs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <vector>

#include "balr/data/audio.hpp"
#include "balr/data/resampler.hpp"
#include "balr/speech/fbank.hpp"

namespace {

constexpr int kRate = 16000;  // Hz, of the models
constexpr int kSeconds = 8;   // about the mean length of a VoxCeleb2 utterance
constexpr int kRuns = 15;

const char* cpu_type() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "x86-64 with AVX-512";
  if (__builtin_cpu_supports("avx2")) return "x86-64 with AVX2";
  return "x86-64 without AVX2";
#else
  return "not x86-64";
#endif
}

std::vector<float> tone(int rate) {
  std::vector<float> out(static_cast<std::size_t>(rate) * kSeconds);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(0.3 * std::sin(0.05 * static_cast<double>(i)));
  return out;
}

// Seconds of the fastest run.
template <class Work>
double best(const Work& work) {
  double out = HUGE_VAL;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    out = std::min(out, took.count());
  }
  return out;
}

void report(const char* what, double audio, double took) {
  std::printf("%-28s %8.0f x real time  %8.3f ms\n", what, audio / took, took * 1e3);
}

volatile float sink;  // keeps the compiler from leaving the work out

void measure_file(const char* path) {
  const balr::AudioLoader loader(kRate, {});
  const balr::DecodeResult decoded = loader.load(path);
  if (decoded.status != balr::RowStatus::kOk) {
    std::fprintf(stderr, "%s: %s\n", path, decoded.reason.c_str());
    return;
  }
  const double took = best([&] { sink = loader.load(path).clip.samples[0]; });
  std::printf("%s, %.2f s, %d Hz\n", path, decoded.clip.seconds, decoded.clip.source_rate);
  report("decode (and resample)", decoded.clip.seconds, took);
}

}  // namespace

int main(int argc, char** argv) try {
  std::printf("%s, one thread\n", cpu_type());
  const auto samples = tone(kRate);
  const balr::Fbank fbank({});
  report("filterbank", kSeconds, best([&] { sink = fbank.compute(samples)[0]; }));
  for (const int rate : {8000, 24000, 44100, 48000}) {
    const balr::Resampler resampler(rate, kRate);
    const auto source = tone(rate);
    char name[32];
    std::snprintf(name, sizeof name, "resample %d Hz", rate);
    report(name, kSeconds, best([&] { sink = resampler.resample(source)[0]; }));
  }
  for (int i = 1; i < argc; ++i) measure_file(argv[i]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
