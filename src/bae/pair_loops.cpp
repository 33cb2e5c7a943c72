#include "bae/pair_loops.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "bae/clones.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(BALR_NO_CLONES)
#define BALR_POPCOUNT_CLONES 1
#include <immintrin.h>
#endif

namespace balr::pair_loops {
namespace {

// common[j] = bits set both in code j and in `code`; columns as in BitColumns.
__attribute__((always_inline)) inline void common_bits(const std::uint64_t* code,
                                                       const std::uint64_t* columns,
                                                       std::int64_t words, std::int64_t count,
                                                       std::int32_t* common) {
  constexpr std::int64_t kBlock = 8;
  std::int64_t j = 0;
  for (; j + kBlock <= count; j += kBlock) {
    std::uint64_t sums[kBlock] = {};
    for (std::int64_t w = 0; w < words; ++w) {
      const std::uint64_t* column = columns + w * count + j;
      for (std::int64_t k = 0; k < kBlock; ++k)
        sums[k] += static_cast<std::uint64_t>(std::popcount(code[w] & column[k]));
    }
    for (std::int64_t k = 0; k < kBlock; ++k) common[j + k] = static_cast<std::int32_t>(sums[k]);
  }
  for (; j < count; ++j) {
    std::uint64_t sum = 0;
    for (std::int64_t w = 0; w < words; ++w)
      sum += static_cast<std::uint64_t>(std::popcount(code[w] & columns[w * count + j]));
    common[j] = static_cast<std::int32_t>(sum);
  }
}

using CommonBits = void (*)(const std::uint64_t*, const std::uint64_t*, std::int64_t, std::int64_t,
                            std::int32_t*);

void common_plain(const std::uint64_t* code, const std::uint64_t* columns, std::int64_t words,
                  std::int64_t count, std::int32_t* common) {
  common_bits(code, columns, words, count, common);
}

// The compiler makes no vector of these, and target_clones knows no vpopcntdq: by hand.
#ifdef BALR_POPCOUNT_CLONES
__attribute__((target("popcnt"))) void common_popcnt(const std::uint64_t* code,
                                                     const std::uint64_t* columns,
                                                     std::int64_t words, std::int64_t count,
                                                     std::int32_t* common) {
  common_bits(code, columns, words, count, common);
}
__attribute__((target("avx512f,avx512vpopcntdq"))) void common_vector(const std::uint64_t* code,
                                                                       const std::uint64_t* columns,
                                                                       std::int64_t words,
                                                                       std::int64_t count,
                                                                       std::int32_t* common) {
  constexpr std::int64_t kLanes = 8, kVectors = 4, kBlock = kLanes * kVectors;
  std::int64_t j = 0;
  for (; j + kBlock <= count; j += kBlock) {
    __m512i sums[kVectors] = {};
    for (std::int64_t w = 0; w < words; ++w) {
      const __m512i own = _mm512_set1_epi64(static_cast<long long>(code[w]));
      for (std::int64_t v = 0; v < kVectors; ++v) {
        const __m512i bits = _mm512_loadu_si512(columns + w * count + j + v * kLanes);
        sums[v] = _mm512_add_epi64(sums[v], _mm512_popcnt_epi64(_mm512_and_si512(own, bits)));
      }
    }
    for (std::int64_t v = 0; v < kVectors; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(common + j + v * kLanes),
                          _mm512_maskz_cvtepi64_epi32(0xff, sums[v]));
  }
  for (; j < count; ++j) {
    std::uint64_t sum = 0;
    for (std::int64_t w = 0; w < words; ++w)
      sum += static_cast<std::uint64_t>(std::popcount(code[w] & columns[w * count + j]));
    common[j] = static_cast<std::int32_t>(sum);
  }
}
#endif

CommonBits choose_common() {
#ifdef BALR_POPCOUNT_CLONES
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq"))
    return common_vector;
  if (__builtin_cpu_supports("popcnt")) return common_popcnt;
#endif
  return common_plain;
}

}  // namespace

BitColumns::BitColumns(const float* rows, std::int64_t count, std::int64_t stride,
                       std::int64_t bits)
    : count_(count),
      words_((bits + 63) / 64),
      columns_(static_cast<std::size_t>(words_ * count)) {
  for (std::int64_t j = 0; j < count; ++j)
    for (std::int64_t half = 0; half < (bits + 31) / 32; ++half) {
      std::uint32_t word = 0;
      std::memcpy(&word, rows + j * stride + half, sizeof word);
      columns_[static_cast<std::size_t>(half / 2 * count + j)] |=
          std::uint64_t{word} << (half % 2 * 32);
    }
}

std::int64_t BitColumns::ones(std::int64_t code) const {
  std::int64_t ones = 0;
  for (std::int64_t w = 0; w < words_; ++w)
    ones += std::popcount(columns_[static_cast<std::size_t>(w * count_ + code)]);
  return ones;
}

void BitColumns::common(std::int64_t code, std::int32_t* common) const {
  static const CommonBits run = choose_common();
  std::vector<std::uint64_t> own;
  for (std::int64_t w = 0; w < words_; ++w)
    own.push_back(columns_[static_cast<std::size_t>(w * count_ + code)]);
  run(own.data(), columns_.data(), words_, count_, common);
}

CodeLength code_length(std::int64_t ones) {
  return ones == 0 ? CodeLength{0, 0} : CodeLength{1, 1 / std::sqrt(static_cast<double>(ones))};
}

// |u - v|^2 = |u|^2 + |v|^2 - 2 u v. Between equal codes that is rounding noise; between others it
// is at least about one over the number of attributes.
BALR_CLONES void distances(const CodeLength& of, const double* __restrict squares,
                           const double* __restrict inverses,
                           const std::int32_t* __restrict common, float* __restrict out,
                           std::int64_t n) {
  constexpr double kNoise = 1e-12;
  const double square = of.square, twice = 2 * of.inverse;
  for (std::int64_t j = 0; j < n; ++j) {
    const double d = (square + squares[j]) - (common[j] * inverses[j]) * twice;
    out[j] = static_cast<float>(d < kNoise ? 0.0 : d);
  }
  for (std::int64_t j = 0; j < n; ++j) out[j] = std::sqrt(out[j]);
}

namespace {

// Vectors that the compiler makes of whatever the processor has.
using Floats __attribute__((vector_size(32))) = float;
using Ints __attribute__((vector_size(32))) = std::int32_t;
constexpr std::int64_t kLanes = 8, kVectors = 4, kTogether = kLanes * kVectors;

// Of kTogether negatives; a comparison that holds is -1, so both counts are negative.
BALR_CLONES void count_block(const float* positives, std::int64_t count, const float* negatives,
                             const TripletRange& range, std::int32_t* of_positive,
                             std::int32_t* of_negative) {
  Floats d[kVectors];
  std::memcpy(d, negatives, sizeof d);
  Ints sums[kVectors] = {};
  const bool has_lower = range.above >= -std::numeric_limits<float>::max();
  for (std::int64_t p = 0; p < count; ++p) {
    Ints of_p;
    std::memcpy(&of_p, of_positive + p * kLanes, sizeof of_p);
    for (std::int64_t v = 0; v < kVectors; ++v) {
      const Floats m = d[v] - positives[p];
      Ints hits = m <= range.most;
      if (has_lower) hits &= m > range.above;
      sums[v] += hits;
      of_p += hits;
    }
    std::memcpy(of_positive + p * kLanes, &of_p, sizeof of_p);
  }
  std::memcpy(of_negative, sums, sizeof sums);
}

}  // namespace

void count_triplets(std::span<const float> positives, const float* negatives,
                    const TripletRange& range, std::int32_t* of_positive,
                    std::int32_t* of_negative, std::int64_t n) {
  const auto count = static_cast<std::int64_t>(positives.size());
  std::vector<std::int32_t> sums(positives.size() * kLanes);
  for (std::int64_t j = 0; j < n; j += kTogether) {
    const std::int64_t here = std::min(kTogether, n - j);
    float d[kTogether];
    std::fill(std::copy(negatives + j, negatives + j + here, d), d + kTogether,
              std::numeric_limits<float>::infinity());
    std::int32_t hits[kTogether];
    count_block(positives.data(), count, d, range, sums.data(), hits);
    for (std::int64_t k = 0; k < here; ++k) of_negative[j + k] -= hits[k];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) of_positive[i / kLanes] -= sums[i];
}

BALR_CLONES double dot(const std::int16_t* __restrict counts, const float* __restrict distances,
                       std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  double lanes[kLanes] = {};
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] +=
          static_cast<double>(counts[j + lane]) * static_cast<double>(distances[j + lane]);
  for (; j < n; ++j)
    lanes[j % kLanes] += static_cast<double>(counts[j]) * static_cast<double>(distances[j]);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

BALR_CLONES void add_counts(const std::int16_t* __restrict counts, std::int32_t* __restrict to,
                            std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) to[j] += counts[j];
}

BALR_CLONES void pull(const std::int16_t* __restrict forward,
                      const std::int16_t* __restrict backward, float factor,
                      const float* __restrict inverse_norms, const float* __restrict distances,
                      float* __restrict out, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    const float both = static_cast<float>(forward[j] + backward[j]) * factor * inverse_norms[j];
    const float apart = distances[j] > 0.0f ? distances[j] : std::numeric_limits<float>::infinity();
    out[j] = both / apart;
  }
}

}  // namespace balr::pair_loops
