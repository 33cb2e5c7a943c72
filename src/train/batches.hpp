#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "balr/bae/sampler.hpp"
#include "balr/train/train_settings.hpp"
#include "train/table.hpp"

namespace balr {

struct Batch {
  at::Tensor x;                      // float32 [B, D] on the table's device
  std::vector<std::int64_t> labels;  // B
};

enum class BatchUse {
  kNone,        // only the values are wanted
  kSampled,     // data.sampler: training, and validation as the Python balr does it
  kExhaustive,  // N x M batches over all rows, shuffled
};

// A table in memory, on the CPU or a GPU, and its batches: a function of (settings, ranks, epoch,
// number). No file is touched.
class Batches {
 public:
  // `ranks`: how many batches of data.batch_size make one step: 1, or all ranks with
  // BatchMode::kPerRank. Throws ConfigError (data.sampler, N * M), DataError (fewer than N classes,
  // a batch of one row, no batch); `what` is "training" or "validation", for the message.
  Batches(const Table& table, const TrainSettings& settings, int ranks, BatchUse use,
          const char* what);
  void move_to(const at::Device& device) { values_ = values_.to(device); }

  std::int64_t count() const { return count_; }  // steps of an epoch
  std::int64_t rows_per_step() const { return rows_per_step_; }
  Batch get(std::int64_t epoch, std::int64_t number);
  // The same as numbers of rows, and their labels, 0 to class_count() - 1.
  std::vector<std::int64_t> rows(std::int64_t epoch, std::int64_t number);
  std::vector<std::int64_t> labels(const std::vector<std::int64_t>& rows) const;
  std::size_t class_count() const { return table_.label_names.size(); }
  const at::Tensor& values() const { return values_; }  // [rows, D]
  at::Tensor classes() const;  // int64 [rows]: all labels, on the table's device

 private:
  Table table_;
  at::Tensor values_;
  std::unique_ptr<Sampler> sampler_;
  int ranks_;
  std::int64_t count_ = 0, rows_per_step_ = 0;
};

}  // namespace balr
