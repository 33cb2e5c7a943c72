// Files on disk to a store on disk on the CPU, with the share of each stage:
//   bench_extract MODEL_DIR INPUT [threads] [auto|winograd|direct] [rounds]
// INPUT is a CSV with absolute paths, a folder, or `synthetic` (100 WAV files of 4 to 12 s, made in
// a temporary folder). Each thread takes one utterance at a time, as `balr extract` does. Shares
// are of the threads' processor time.
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "balr/kernels/path.hpp"
#include "balr/speech/fbank.hpp"
#include "balr/speech/resnet.hpp"
#include "balr/store/embedding_store.hpp"

namespace {

namespace fs = std::filesystem;

struct Totals {
  double decode = 0, features = 0, network = 0;  // processor seconds
  double audio = 0, multiplications = 0;
  std::int64_t failed = 0;
};

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// 16 kHz, mono, 16 bit.
void write_wav(const fs::path& file, double seconds, int seed) {
  std::vector<std::int16_t> samples(static_cast<std::size_t>(seconds * 16000));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    samples[i] = static_cast<std::int16_t>(6000 * std::sin(2 * 3.14159265 * (120 + seed) * t) *
                                               (1 + std::sin(7 * t)) / 2 +
                                           static_cast<double>(i * 7919 % 601) - 300);
  }
  const auto bytes = static_cast<std::uint32_t>(samples.size() * 2), riff = bytes + 36;
  const std::uint32_t fmt_size = 16, rate = 16000, byte_rate = 32000;
  const std::uint16_t pcm = 1, channels = 1, block = 2, bits = 16;
  std::ofstream out(file, std::ios::binary);
  const auto put = [&](const auto& value) {
    out.write(reinterpret_cast<const char*>(&value), sizeof value);
  };
  out << "RIFF", put(riff), out << "WAVEfmt ", put(fmt_size), put(pcm), put(channels), put(rate),
      put(byte_rate), put(block), put(bits);
  out << "data", put(bytes);
  out.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(bytes));
}

balr::Manifest input(const std::string& text, const fs::path& scratch) {
  if (text != "synthetic") return balr::read_manifest(text, {}, {"flac", "wav"});
  fs::create_directories(scratch / "audio");
  for (int i = 0; i < 100; ++i)
    write_wav(scratch / "audio" / (std::to_string(i) + ".wav"), 4 + i * 0.08, i);
  return balr::read_manifest(scratch / "audio", {}, {"wav"});
}

class Bench {
 public:
  Bench(const balr::Manifest& manifest, const balr::Resnet& network, int threads)
      : manifest_(manifest),
        network_(network),
        threads_(threads),
        loader_(fbank_.options().rate, {}) {
    rows_.dimension = network.config().embed_dim;
    const std::size_t count = manifest.rows.size();
    rows_.embeddings.assign(count * static_cast<std::size_t>(rows_.dimension), NAN);
    rows_.status.assign(count, static_cast<std::uint8_t>(balr::RowStatus::kDecode));
    rows_.seconds.assign(count, 0);
    rows_.source_rate.assign(count, 0);
    for (const balr::Utterance& row : manifest.rows) {
      rows_.ids.push_back(row.id);
      rows_.speakers.push_back(row.speaker);
    }
  }

  // One pass over all files.
  void run(const fs::path& store) {
    const auto start = std::chrono::steady_clock::now();
    std::atomic<std::size_t> next{0};
    std::vector<Totals> totals(static_cast<std::size_t>(threads_));
    std::vector<std::thread> running;
    for (Totals& mine : totals)
      running.emplace_back([&] {
        for (std::size_t row = next++; row < manifest_.rows.size(); row = next++) embed(row, mine);
      });
    for (std::thread& thread : running) thread.join();
    const double before_write = thread_seconds();
    balr::StoreInfo info;
    info.total_rows = rows_.rows();
    balr::write_store(store, info, rows_);
    report(totals, thread_seconds() - before_write, seconds_since(start));
  }

 private:
  void embed(std::size_t row, Totals& totals) {
    const double start = thread_seconds();
    const balr::DecodeResult decoded = loader_.load(manifest_.rows[row].path);
    const double decode = thread_seconds();
    totals.decode += decode - start;
    if (decoded.status != balr::RowStatus::kOk) {
      ++totals.failed;
      return;
    }
    const std::vector<float> features = fbank_.compute(decoded.clip.samples);
    const double network = thread_seconds();
    totals.features += network - decode;
    const std::vector<float> embedding = network_.embed(features);
    totals.network += thread_seconds() - network;
    totals.audio += decoded.clip.seconds;
    totals.multiplications += network_.multiplications(static_cast<std::int64_t>(features.size()) /
                                                       network_.config().feat_dim);
    std::memcpy(rows_.embeddings.data() + row * embedding.size(), embedding.data(),
                embedding.size() * sizeof(float));
    rows_.status[row] = static_cast<std::uint8_t>(balr::RowStatus::kOk);
    rows_.seconds[row] = static_cast<float>(decoded.clip.seconds);
    rows_.source_rate[row] = decoded.clip.source_rate;
  }

  void report(const std::vector<Totals>& totals, double write, double wall) const {
    Totals sum;
    for (const Totals& t : totals) {
      sum.decode += t.decode, sum.features += t.features, sum.network += t.network;
      sum.audio += t.audio, sum.multiplications += t.multiplications, sum.failed += t.failed;
    }
    const double busy = sum.decode + sum.features + sum.network + write;
    const auto count = static_cast<double>(manifest_.rows.size());
    std::printf("%.2f s, %.2f utterances/s, %.1f x real time (RTF %.5f), %lld failed\n", wall,
                count / wall, sum.audio / wall, wall / sum.audio,
                static_cast<long long>(sum.failed));
    std::printf(
        "  processor time %.2f s, %.2f ms an utterance: decode %.1f %%, features %.1f %%, network "
        "%.1f %%, write %.1f %%; "
        "network %.0f GFLOPS a thread (of direct convolution)\n",
        busy, 1e3 * busy / count, 100 * sum.decode / busy, 100 * sum.features / busy,
        100 * sum.network / busy, 100 * write / busy, 2e-9 * sum.multiplications / sum.network);
  }

  const balr::Manifest& manifest_;
  const balr::Resnet& network_;
  int threads_;
  balr::Fbank fbank_{balr::FbankOptions{}};
  balr::AudioLoader loader_;
  balr::StoreRows rows_;  // each thread writes its own rows
};

// A new folder, removed with all that is in it.
class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "balr-bench-XXXXXX";
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder can be made");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

balr::Convolutions convolutions(const std::string& text) {
  return text == "direct" ? balr::Convolutions::kDirect : balr::Convolutions::kWinograd;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3)
    throw balr::ConfigError(
        "usage: bench_extract MODEL_DIR INPUT [threads] [winograd|direct] [rounds]");
  const fs::path model = argv[1];
  const Scratch folder;
  const fs::path& scratch = folder.path();
  const int threads = argc > 3 ? std::atoi(argv[3]) : 1, rounds = argc > 5 ? std::atoi(argv[5]) : 3;
  const std::string convolution = argc > 4 ? argv[4] : "auto";
  const balr::Manifest manifest = input(argv[2], scratch);
  const balr::Resnet network(balr::read_resnet_config(model / "config.yaml"),
                             balr::read_state_dict(model / "avg_model.pt"),
                             {at::kCPU, at::kFloat, convolutions(convolution)});
  std::printf("%zu files, %d threads, kernels %s, convolution %s\n", manifest.rows.size(), threads,
              balr::path_name(balr::active_path()), convolution.c_str());
  Bench bench(manifest, network, threads);
  for (int round = 0; round < rounds; ++round) bench.run(scratch / "embeddings.h5");
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
