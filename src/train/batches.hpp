#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "balr/bae/sampler.hpp"
#include "balr/dataset/vector_table.hpp"
#include "balr/train/train_settings.hpp"

namespace balr {

struct Batch {
  at::Tensor x;                      // float32 [B, D] on the table's device
  std::vector<std::int64_t> labels;  // B
};

// A table in memory, on the CPU or a GPU, and its batches: a function of (settings, ranks, epoch, number). No file is
// touched.
class Batches {
 public:
  // `ranks`: how many batches of data.batch_size make one step: 1, or all ranks with BatchMode::kPerRank.
  // Without `sampled` there are no batches, only the values.
  // Throws ConfigError (data.sampler, N * M), DataError (fewer than N classes, values that are not finite); `what` is
  // "training" or "validation", for the message.
  Batches(const VectorTable& table, const TrainSettings& settings, int ranks, bool sampled,
          const char* what);
  // The table stays alive as long as this object.
  void move_to(const at::Device& device) { values_ = values_.to(device); }

  std::int64_t count() const { return count_; }  // steps of an epoch
  std::int64_t rows_per_step() const { return rows_per_step_; }
  Batch get(std::int64_t epoch, std::int64_t number);
  const at::Tensor& values() const { return values_; }  // [rows, D]

 private:
  at::Tensor values_;
  std::vector<std::int64_t> labels_;
  std::unique_ptr<Sampler> sampler_;
  int ranks_;
  std::int64_t count_ = 0, rows_per_step_ = 0;
};

}  // namespace balr
