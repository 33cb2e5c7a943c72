#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "balr/bae/loss_settings.hpp"

namespace balr {

class Config;

enum class BatchMode { kGlobal, kPerRank };  // data.batch_size counts rows of all ranks, or of each
enum class Validation { kFull, kSampled };   // see validation.hpp
enum class Schedule { kConstant, kCosine, kStep };

// The losses that are selected. Their order is always mse, triplet, sparsity, arcface.
struct LossSettings {
  std::optional<double> mse_weight = 1.0;
  std::optional<TripletSettings> triplet = {};
  std::optional<SparsitySettings> sparsity = {};
  std::optional<ArcFaceSettings> arcface = {};  // its classes are those of the training data

  bool needs_speakers() const { return triplet || sparsity || arcface; }
  // As in TensorBoard's tags: MSE, Triplet, Sparsity, ArcFace; and their weights.
  std::vector<std::string> names() const;
  std::vector<double> weights() const;
};

// How Adam's learning rate changes; see learning_rate.hpp.
struct RateSettings {
  double rate = 0.001;
  Schedule schedule = Schedule::kConstant;
  std::int64_t warmup_steps = 0;
  double final_share = 0.0;     // kCosine: of the rate, at the end
  std::int64_t step_epochs = 30;  // kStep: epochs between drops ...
  double step_factor = 0.1;       // ... to this share
};

// What `balr train` is told by the configuration (keys and defaults of the Python balr, plus ours),
// checked.
struct TrainSettings {
  std::int64_t input_dim = 256, internal_dim = 512;
  LossSettings losses;
  RateSettings learning_rate;
  double clip_norm = 0;  // longest gradient; 0: any
  std::int64_t epochs = 64;
  std::int64_t early_stopping = 0;  // epochs without a better validation that end the run; 0: never
  std::uint64_t seed = 1234;
  std::int64_t save_period = 0, log_period = 2, val_period = 10;  // epochs; 0: never
  std::int64_t batch_size = 64, classes_per_batch = 8, samples_per_class = 8;
  std::string sampler;  // class name of the Python balr; empty: plain shuffling
  bool shuffle = true, drop_last = false;
  std::string sampler_rng = "philox";
  BatchMode batch_mode = BatchMode::kGlobal;
  std::optional<bool> canonical_sums;  // not set: true on the CPU, false on a device
  bool tf32 = false;       // products on a GPU; else float32
  bool cuda_graph = true;  // on a GPU: replay the step as one piece
  Validation validation = Validation::kFull;
  double checkpoint_seconds = 60;
  std::int64_t num_threads = 0;  // of each rank; 0: its share of the node's cores
  double watchdog_seconds = 600;
};

// Throws ConfigError naming the key: values out of range, or no loss selected.
TrainSettings train_settings(const Config& config);

}  // namespace balr
