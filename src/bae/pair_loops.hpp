#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "balr/bae/loss_ops.hpp"

// Loops over pairs of binary codes. As in element_wise.hpp, every processor gives the same bytes.
namespace balr::pair_loops {

// The bits of many codes, word by word: word w of code j at [w * count + j].
class BitColumns {
 public:
  // `rows`: each `stride` apart, 32 bits to a word, see element_wise::pack_bits.
  BitColumns(const float* rows, std::int64_t count, std::int64_t stride, std::int64_t bits);
  std::int64_t count() const { return count_; }
  std::int64_t ones(std::int64_t code) const;
  // common[j] = number of bits that `code` and code j both have.
  void common(std::int64_t code, std::int32_t* common) const;

 private:
  std::int64_t count_, words_;
  std::vector<std::uint64_t> columns_;
};

// What distances to a code need of it.
struct CodeLength {
  double square;   // of the normalised code: 1, or 0 where no bit is set
  double inverse;  // 1 / sqrt(ones); 0 where no bit is set
};
CodeLength code_length(std::int64_t ones);

// distances[j] between normalised codes, from the bits they have in common.
void distances(const CodeLength& of, const double* squares, const double* inverses,
               const std::int32_t* common, float* distances, std::int64_t n);

// For each of `positives` (distances), how many of `negatives` are in range with it (added to
// of_positive) and, the other way round, added to of_negative[j]. Infinity in `negatives` means
// none.
void count_triplets(std::span<const float> positives, const float* negatives,
                    const TripletRange& range, std::int32_t* of_positive,
                    std::int32_t* of_negative, std::int64_t n);

// Sum of counts[j] * distances[j], in float64 and one fixed order.
double dot(const std::int16_t* counts, const float* distances, std::int64_t n);

void add_counts(const std::int16_t* counts, std::int32_t* to, std::int64_t n);

// out[j] = (forward[j] + backward[j]) * factor * inverse_norms[j] / distances[j]; 0 where the
// distance is 0.
void pull(const std::int16_t* forward, const std::int16_t* backward, float factor,
          const float* inverse_norms, const float* distances, float* out, std::int64_t n);

}  // namespace balr::pair_loops
