// Included once for each instruction set (see simd_kernels.cpp), behind product_tiles-inl.hpp.
// What the convolutions share: chains of fused multiply-adds for a block of pixels or tiles, and the end of each sum.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#include "kernels/packed_convolution.hpp"

HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

// A block's left operand: number k of item i lies at [(k / kLanes)][i][k % kLanes]. So whole vectors of channels are written, and
// the items' distance is known when this is compiled.
struct LeftBlock {
  float* data;
  std::int64_t items;

  std::int64_t group_stride() const { return items * kLanes; }
  float* item(std::int64_t i) const { return data + i * kLanes; }
};

template <int kRows>
HWY_INLINE void chain_step(Vector* left, Vector* right, const float* a, const float* b) {
  const Vector b_left = hn::Load(kTag, b), b_right = hn::Load(kTag, b + kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const Vector broadcast = hn::Set(kTag, a[i * kLanes]);
    left[i] = hn::MulAdd(broadcast, b_left, left[i]);
    right[i] = hn::MulAdd(broadcast, b_right, right[i]);
  }
}

// m[i][0 .. kTileCols) = the chains of kRows items over `depth` rows of b [depth][kTileCols].
template <int kRows>
HWY_NOINLINE void chains(const float* HWY_RESTRICT a, std::int64_t group_stride, const float* HWY_RESTRICT b,
                         std::int64_t depth, float* HWY_RESTRICT m) {
  Vector left[kRows], right[kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) left[i] = right[i] = hn::Zero(kTag);
  for (; depth >= kLanes; depth -= kLanes) {
#pragma GCC unroll 4
    for (int k = 0; k < kLanes; ++k) chain_step<kRows>(left, right, a + k, b + k * kTileCols);
    a += group_stride;
    b += kLanes * kTileCols;
  }
  for (std::int64_t k = 0; k < depth; ++k) chain_step<kRows>(left, right, a + k, b + k * kTileCols);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    hn::Store(left[i], kTag, m + i * kTileCols);
    hn::Store(right[i], kTag, m + i * kTileCols + kLanes);
  }
}

using Chains = void (*)(const float*, std::int64_t, const float*, std::int64_t, float*);

// kChains[r] is the one of r items.
constexpr Chains kChains[] = {nullptr,   chains<1>, chains<2>, chains<3>,  chains<4>,  chains<5>,  chains<6>,
#if HWY_TARGET == HWY_AVX3
                              chains<7>, chains<8>, chains<9>, chains<10>, chains<11>, chains<12>, chains<13>,
                              chains<14>
#endif
};

// All items of a block times one panel of weights: m [items][kTileCols]. Items are cut into nearly equal heights.
HWY_INLINE void block_chains(const LeftBlock& a, const float* b, std::int64_t depth, float* m) {
  const RowPanels heights = {a.items, (a.items + kTileRows - 1) / kTileRows};
  for (std::int64_t h = 0; h < heights.count; ++h) {
    const std::int64_t item = heights.begin(h);
    kChains[heights.begin(h + 1) - item](a.item(item), a.group_stride(), b, depth, m + item * kTileCols);
  }
}

// The end of kLanes sums: out = sum + bias (+ added), not below 0 if relu. `at` is where they belong in out and added.
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
