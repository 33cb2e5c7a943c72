#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "balr/bae/train_step.hpp"
#include "train/batches.hpp"
#include "train/epoch_report.hpp"

namespace balr {

// The labels of the validation rows as the training data number them, by the speakers' names;
// nothing if one of them is no training speaker.
std::optional<std::vector<std::int64_t>> training_labels(const Table& train,
                                                         const Table& test);

// The losses on the validation data. Validation::kFull: MSE over every row once; the pairwise losses
// over the batches of one exhaustive N x M pass, the same in every epoch, averaged over the
// batches. kSampled: all of them over random batches, as the Python balr draws them (but seeded).
// ArcFace knows only training speakers: with others it is left out of the total.
class ValidationPass {
 public:
  ValidationPass(const TrainSettings& settings, Batches& test, bool speakers_are_known);
  // The batches that validation needs.
  static BatchUse use(const TrainSettings& settings);

  struct Result {
    std::vector<std::optional<float>> losses;  // total, then each loss
    CodeUse codes;
  };
  // Collective.
  Result run(TrainStep& step, std::int64_t epoch);

 private:
  std::vector<double> by_batches(TrainStep& step, std::int64_t epoch);
  Evaluation by_rows(TrainStep& step, std::int64_t epoch, std::int64_t& rows);

  bool full_;
  Batches& test_;
  std::vector<double> weights_;
  std::vector<bool> counts_;      // whether a loss is part of the total ...
  std::vector<bool> by_batches_;  // ... and computed batch by batch
  std::optional<std::size_t> mse_;
};

}  // namespace balr
