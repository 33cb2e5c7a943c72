#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace balr {

class Config;

enum class BatchMode { kGlobal, kPerRank };       // data.batch_size counts rows of all ranks, or of each
enum class Validation { kFull, kSampled };        // every row once, or as many random batches as the Python balr draws

// What `balr train` is told by the configuration (keys and defaults of the Python balr, plus ours), checked.
struct TrainSettings {
  std::int64_t input_dim = 256, internal_dim = 512;
  double learning_rate = 0.001;
  std::int64_t epochs = 64;
  std::uint64_t seed = 1234;
  std::int64_t save_period = 0, log_period = 2, val_period = 10;  // epochs; 0: never
  double mse_weight = 1.0;
  std::int64_t batch_size = 64, classes_per_batch = 8, samples_per_class = 8;
  std::string sampler;               // class name of the Python balr; empty: plain shuffling
  bool shuffle = true;
  std::string sampler_rng = "philox";
  BatchMode batch_mode = BatchMode::kGlobal;
  std::optional<bool> canonical_sums;  // not set: true on the CPU, false on a device
  Validation validation = Validation::kFull;
  double checkpoint_seconds = 60;
  std::int64_t num_threads = 0;      // of each rank; 0: the cores it may use, shared among the ranks of the node
  double watchdog_seconds = 600;
};

// Throws ConfigError naming the key: values out of range, losses that are not implemented, none selected.
TrainSettings train_settings(const Config& config);

}  // namespace balr
