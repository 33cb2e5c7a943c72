#include "scoring/additive_scorer.hpp"

#include <algorithm>

#include "balr/core/error.hpp"

namespace balr {

void AdditiveScorer::make_pair_table() {
  const auto n = static_cast<std::size_t>(attributes());
  std::vector<double> terms(n);
  pair_table_.assign((n + 1) / 2 * 16, 0.0);
  for (int e = 0; e < 2; ++e)
    for (int t = 0; t < 2; ++t) {
      const std::vector<std::int32_t> enrollment(n, e), test(n, t);
      contributions({enrollment, 1}, {test, 1}, terms);
      for (std::size_t a = 0; a < n; ++a)
        for (int index = 0; index < 16; ++index) {
          const int shift = static_cast<int>(a % 2);
          if (((index >> (2 + shift)) & 1) == e && ((index >> shift) & 1) == t)
            pair_table_[a / 2 * 16 + static_cast<std::size_t>(index)] += terms[a];
        }
    }
}

double AdditiveScorer::score_bits(std::span<const std::uint64_t> enrollment,
                                  std::span<const std::uint64_t> test) const {
  const std::size_t pairs = pair_table_.size() / 16, words = (2 * pairs + 63) / 64;
  BALR_CHECK(enrollment.size() == words && test.size() == words);
  double sums[4] = {};  // chains of additions that do not wait for each other
  const double* table = pair_table_.data();
  for (std::size_t word = 0; word < words; ++word) {
    std::uint64_t e = enrollment[word], t = test[word];
    const std::size_t end = std::min<std::size_t>(32, pairs - 32 * word);
    for (std::size_t pair = 0; pair < end; ++pair, e >>= 2, t >>= 2, table += 16)
      sums[pair % 4] += table[4 * (e & 3) + (t & 3)];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace balr
