#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace balr {

// What users of auto-encoders look at: how the attributes are used on the validation rows.
struct CodeUse {
  double always_on = 0, never_on = 0;  // share of the attributes
  double entropy = 0;                  // bits an attribute, mean
};
// ones[j]: the rows, of `rows`, in which attribute j is on.
CodeUse code_use(const std::vector<std::int64_t>& ones, std::int64_t rows);

// What is told of an epoch. Losses: total, then each loss.
struct EpochReport {
  std::int64_t epoch = 0, steps = 0;       // steps of each epoch
  std::vector<float> train;                // means over the batches
  std::vector<std::optional<float>> test;  // empty without validation; without those left out
  std::optional<CodeUse> codes = {};       // with validation
  bool best = false;
  double learning_rate = 0;  // of the last step
  double gradient_norm = 0;  // of the last step, before clipping
  double seconds = 0;        // of the steps done by this process
  double rows_per_second = 0;
};

}  // namespace balr
