#include "balr/scoring/embedding_cosine.hpp"

#include <cmath>

#include "balr/core/error.hpp"

namespace balr {
namespace {

// Of a squared norm: below it a vector has no direction.
constexpr double kSmallestNorm = 1e-30;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

EmbeddingCosine::EmbeddingCosine(std::span<const float> vectors, std::int64_t dimension,
                                 std::vector<double> mean)
    : vectors_(vectors), dimension_(dimension), mean_(std::move(mean)) {
  BALR_CHECK(dimension >= 1 && static_cast<std::int64_t>(mean_.size()) == dimension);
  const auto rows = static_cast<std::int64_t>(vectors.size()) / dimension;
  for (std::int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    const auto x = row(r);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = static_cast<double>(x[i]) - mean_[i];
      sum += d * d;
    }
    inverse_norms_.push_back(sum > kSmallestNorm ? 1 / std::sqrt(sum) : 0);
  }
}

std::span<const float> EmbeddingCosine::row(std::int64_t at) const {
  return vectors_.subspan(static_cast<std::size_t>(at * dimension_),
                          static_cast<std::size_t>(dimension_));
}

double EmbeddingCosine::score_rows(std::int64_t enrollment, std::int64_t test) const {
  const auto x = row(enrollment), y = row(test);
  double sums[4] = {};  // chains of additions that do not wait for each other
  for (std::size_t i = 0; i < x.size(); ++i)
    sums[i % 4] += (static_cast<double>(x[i]) - mean_[i]) * (static_cast<double>(y[i]) - mean_[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) *
         inverse_norms_[static_cast<std::size_t>(enrollment)] *
         inverse_norms_[static_cast<std::size_t>(test)];
}

std::vector<double> EmbeddingCosine::average(std::span<const std::int64_t> rows) const {
  std::vector<double> sum(static_cast<std::size_t>(dimension_));
  for (const std::int64_t r : rows) {
    const auto x = row(r);
    const double scale = inverse_norms_[static_cast<std::size_t>(r)];
    for (std::size_t i = 0; i < x.size(); ++i)
      sum[i] += (static_cast<double>(x[i]) - mean_[i]) * scale;
  }
  return sum;  // its length does not matter
}

double EmbeddingCosine::score(std::span<const std::int64_t> enrollment,
                              std::span<const std::int64_t> test) const {
  BALR_CHECK(!enrollment.empty() && !test.empty());
  if (enrollment.size() == 1 && test.size() == 1)
    return score_rows(enrollment.front(), test.front());
  const std::vector<double> e = average(enrollment), t = average(test);
  const double lengths = std::sqrt(dot(e, e)) * std::sqrt(dot(t, t));
  return lengths > 0 ? dot(e, t) / lengths : 0;
}

std::vector<double> mean_vector(std::span<const float> vectors, std::int64_t dimension) {
  std::vector<double> mean(static_cast<std::size_t>(dimension));
  const std::size_t rows = vectors.size() / mean.size();
  for (std::size_t i = 0; i < rows * mean.size(); ++i) mean[i % mean.size()] += vectors[i];
  for (double& value : mean) value /= static_cast<double>(rows);
  return mean;
}

}  // namespace balr
