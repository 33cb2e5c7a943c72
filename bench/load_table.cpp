// How long training takes to have its table in memory: reading a store of many rows, sorting and
// hashing it, and putting it where the other ranks of the node see it. The store is written first.
// Usage: bench_load_table FOLDER [rows] (default: those of VoxCeleb2 dev)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>

#include "balr/store/embedding_store.hpp"
#include "train/shared_file.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDimension = 256, kRowsOfSpeaker = 182;

void write_rows(const fs::path& file, std::int64_t rows) {
  StoreInfo info;
  info.total_rows = rows;
  StoreWriter writer(file, info, rows, kDimension, 32, 8);
  constexpr std::int64_t kTogether = 10000;
  for (std::int64_t begin = 0; begin < rows; begin += kTogether) {
    StoreRows part;
    part.dimension = kDimension;
    for (std::int64_t i = begin; i < std::min(begin + kTogether, rows); ++i) {
      char id[33], speaker[9];
      std::snprintf(id, sizeof id, "id%05d/clip%010d", static_cast<int>(i / kRowsOfSpeaker),
                    static_cast<int>(i));
      std::snprintf(speaker, sizeof speaker, "id%05d", static_cast<int>(i / kRowsOfSpeaker));
      part.ids.push_back(id);
      part.speakers.push_back(speaker);
      part.status.push_back(0);
      part.seconds.push_back(7.8f);
      part.source_rate.push_back(16000);
      for (std::int64_t d = 0; d < kDimension; ++d)
        part.embeddings.push_back(static_cast<float>((i * 31 + d * 17) % 1009) * 1e-3f);
    }
    writer.append(part);
  }
  writer.finish();
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  work();
  const double busy = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  std::printf("%7.2f s (%.2f s of processor time)\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), busy);
  return busy;
}

void measure(const fs::path& folder, std::int64_t rows) {
  const fs::path file = folder / ("rows-" + std::to_string(rows) + ".h5");
  if (!fs::exists(file)) write_rows(file, rows);
  for (int turn = 0; turn < 2; ++turn) {
    VectorTable vectors;
    Table table;
    std::printf("%ld rows: read, sort, hash    ", static_cast<long>(rows));
    seconds_of([&] { vectors = open_vectors(file, {}, true); });
    std::printf("%ld rows: take over           ", static_cast<long>(rows));
    seconds_of([&] { table = make_table(std::move(vectors)); });
    std::printf("%ld rows: share with the node ", static_cast<long>(rows));
    seconds_of([&] {
      const auto shared = SharedFile::write(table);
      if (shared) table = *map_table(shared->path());
    });
  }
}

}  // namespace
}  // namespace balr

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  balr::measure(argv[1], argc > 2 ? std::atoll(argv[2]) : 1092009);
}
