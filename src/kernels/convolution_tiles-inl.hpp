// Included once for each instruction set (see simd_kernels.cpp), behind product_tiles-inl.hpp.
// What the convolutions share: chains of fused multiply-adds for a block of pixels or tiles, and
// the end of each sum.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#include "kernels/packed_convolution.hpp"
#include "kernels/row_pointers.hpp"

HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLine = 16;  // floats of a cache line

// A block's left operand: number k of item i lies at [(k / kLanes)][i][k % kLanes]. So whole
// vectors of channels are written, and the items' distance is known when this is compiled.
struct LeftBlock {
  float* data;
  std::int64_t items;

  std::int64_t group_stride() const { return items * kLanes; }
  float* item(std::int64_t i) const { return data + i * kLanes; }
};

// What a later call will read: `lines` cache lines of it are fetched with each group of kLanes
// numbers.
struct Ahead {
  const float* next;
  std::int64_t lines;
};

// One fused multiply-add for each element of kRows items, kDistance floats apart, and two vectors
// of b.
template <int kRows, int kDistance>
HWY_INLINE void chain_step(Vector* left, Vector* right, const float* a, const float* b) {
  const Vector b_left = hn::Load(kTag, b), b_right = hn::Load(kTag, b + kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const Vector broadcast = hn::Set(kTag, a[i * kDistance]);
    left[i] = hn::MulAdd(broadcast, b_left, left[i]);
    right[i] = hn::MulAdd(broadcast, b_right, right[i]);
  }
}

template <int kRows>
HWY_INLINE void start_chains(Vector* left, Vector* right) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) left[i] = right[i] = hn::Zero(kTag);
}

template <int kRows>
HWY_INLINE void store_chains(const Vector* left, const Vector* right, float* m) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    hn::Store(left[i], kTag, m + i * kTileCols);
    hn::Store(right[i], kTag, m + i * kTileCols + kLanes);
  }
}

// m[i][0 .. kTileCols) = the chains of kRows items of a LeftBlock over `depth` rows of b
// [depth][kTileCols].
template <int kRows>
HWY_NOINLINE void chains(const float* HWY_RESTRICT a, std::int64_t group_stride,
                         const float* HWY_RESTRICT b, std::int64_t depth, float* HWY_RESTRICT m,
                         Ahead ahead) {
  Vector left[kRows], right[kRows];
  start_chains<kRows>(left, right);
  for (; depth >= kLanes; depth -= kLanes) {
#pragma GCC unroll 4
    for (int k = 0; k < kLanes; ++k)
      chain_step<kRows, kLanes>(left, right, a + k, b + k * kTileCols);
    for (std::int64_t line = 0; line < ahead.lines; ++line, ahead.next += kLine)
      hwy::Prefetch(ahead.next);
    a += group_stride;
    b += kLanes * kTileCols;
  }
  for (std::int64_t k = 0; k < depth; ++k)
    chain_step<kRows, kLanes>(left, right, a + k, b + k * kTileCols);
  store_chains<kRows>(left, right, m);
}

using Chains = void (*)(const float*, std::int64_t, const float*, std::int64_t, float*, Ahead);

// kChains[r] is the one of r items.
constexpr Chains kChains[] = {nullptr,    chains<1>,  chains<2>, chains<3>,  chains<4>,
                              chains<5>,  chains<6>,
#if HWY_TARGET == HWY_AVX3
                              chains<7>,  chains<8>,  chains<9>, chains<10>, chains<11>,
                              chains<12>, chains<13>, chains<14>
#endif
};

// Items are cut into nearly equal heights.
HWY_INLINE RowPanels heights_of(std::int64_t items) {
  return {items, (items + kTileRows - 1) / kTileRows};
}

// All items of a block times one panel of weights: m [items][kTileCols].
HWY_INLINE void block_chains(const LeftBlock& a, const float* b, std::int64_t depth, float* m) {
  const RowPanels heights = heights_of(a.items);
  // The next panel's weights lie behind this one's: they are fetched in equal shares.
  const std::int64_t groups = heights.count * (depth / kLanes);
  const std::int64_t lines = groups > 0 ? (depth * kTileCols / kLine + groups - 1) / groups : 0;
  const float* next = b + depth * kTileCols;
  for (std::int64_t h = 0; h < heights.count; ++h) {
    const std::int64_t item = heights.begin(h);
    kChains[heights.begin(h + 1) - item](a.item(item), a.group_stride(), b, depth,
                                         m + item * kTileCols, {next, lines});
    next += depth / kLanes * lines * kLine;
  }
}

// The end of kLanes sums: out = sum + bias (+ added), not below 0 if relu. `at` is where they
// belong in out and added.
HWY_INLINE void finish(Vector sum, Vector bias, const float* added, bool relu, float* out) {
  sum = hn::Add(sum, bias);
  if (added) sum = hn::Add(sum, hn::LoadU(kTag, added));
  if (relu) sum = hn::Max(hn::Zero(kTag), sum);  // in this order NaN stays
  hn::StoreU(sum, kTag, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
