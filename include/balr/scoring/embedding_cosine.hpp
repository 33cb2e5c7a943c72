#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace balr {

// The baseline on embeddings themselves: of each recording the mean of a reference set is
// subtracted and the rest divided by its norm; the recordings of a side are averaged; the score is
// the cosine of the two averages. In double; no likelihood ratio.
class EmbeddingCosine {
 public:
  // `vectors` [rows, dimension] must outlive it; `mean` [dimension], zeros for none.
  EmbeddingCosine(std::span<const float> vectors, std::int64_t dimension, std::vector<double> mean);

  // Whether the row has a direction: it is not the mean itself.
  bool usable(std::int64_t row) const { return inverse_norms_[static_cast<std::size_t>(row)] > 0; }
  // Rows are usable and at least one a side. 0 where the recordings of a side cancel out.
  double score(std::span<const std::int64_t> enrollment, std::span<const std::int64_t> test) const;

 private:
  std::span<const float> row(std::int64_t at) const;
  double score_rows(std::int64_t enrollment, std::int64_t test) const;
  std::vector<double> average(std::span<const std::int64_t> rows) const;

  std::span<const float> vectors_;
  std::int64_t dimension_;
  std::vector<double> mean_;
  std::vector<double> inverse_norms_;  // [rows]; 0: no direction
};

// The mean over rows, in their order.
std::vector<double> mean_vector(std::span<const float> vectors, std::int64_t dimension);

}  // namespace balr
