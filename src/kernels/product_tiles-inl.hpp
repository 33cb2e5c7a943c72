// Included once for each instruction set (see simd_kernels.cpp), hence no #pragma once.
// A product as in Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
// (2008): both operands are packed into panels, and a tile of c stays in registers while the inner
// index runs. Cutting the inner index for the cache's sake leaves each element's chain whole,
// because the tile is stored and loaded again without rounding.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#include "kernels/workspace.hpp"

HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<float> kTag;
using Vector = hn::Vec<decltype(kTag)>;

constexpr std::int64_t kLanes = HWY_TARGET == HWY_AVX3 ? 16 : 8;
constexpr std::int64_t kTileCols = 2 * kLanes;
// With 2 vectors a row: accumulators, 2 vectors of b and a broadcast one fill the registers (32 or
// 16).
constexpr std::int64_t kTileRows = HWY_TARGET == HWY_AVX3 ? 14 : 6;
// AVX2: a panel of b (kDepth x kTileCols) stays in the first-level cache, a block of a in the
// second. AVX-512, whose processors have larger caches: a block is one panel of a, which stays in
// the first, and b streams past it from the second, fetched ahead.
constexpr std::int64_t kDepth = HWY_TARGET == HWY_AVX3 ? 512 : 256;
constexpr std::int64_t kPanelsPerBlock = HWY_TARGET == HWY_AVX3 ? 1 : 24;
constexpr std::int64_t kMaxCols = 1024;

// What happens to a tile before and after its chains: the sums so far come from c or are 0; bias or
// not.
struct Ends {
  bool resume;
  const float* bias;  // of the tile's columns, or null
};

// c tile (kRows x kTileCols) += packed a [depth][kRows] times packed b [depth][kTileCols].
template <int kRows>
HWY_NOINLINE void tile(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::int64_t depth,
                       float* HWY_RESTRICT c, std::int64_t ldc, Ends ends) {
  Vector left[kRows], right[kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    left[i] = ends.resume ? hn::LoadU(kTag, c + i * ldc) : hn::Zero(kTag);
    right[i] = ends.resume ? hn::LoadU(kTag, c + i * ldc + kLanes) : hn::Zero(kTag);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const Vector b_left = hn::Load(kTag, b), b_right = hn::Load(kTag, b + kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vector broadcast = hn::Set(kTag, a[i]);
      left[i] = hn::MulAdd(broadcast, b_left, left[i]);
      right[i] = hn::MulAdd(broadcast, b_right, right[i]);
    }
    if constexpr (HWY_TARGET == HWY_AVX3) {
      hwy::Prefetch(b + 16 * kTileCols);
      hwy::Prefetch(b + 16 * kTileCols + kLanes);
    }
    a += kRows;
    b += kTileCols;
  }
  if (ends.bias) {
    const Vector bias_left = hn::LoadU(kTag, ends.bias),
                 bias_right = hn::LoadU(kTag, ends.bias + kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      left[i] = hn::Add(left[i], bias_left);
      right[i] = hn::Add(right[i], bias_right);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    hn::StoreU(left[i], kTag, c + i * ldc);
    hn::StoreU(right[i], kTag, c + i * ldc + kLanes);
  }
}

using Tile = void (*)(const float*, const float*, std::int64_t, float*, std::int64_t, Ends);

// tiles[r] is the one of r rows.
constexpr Tile kTiles[] = {nullptr, tile<1>, tile<2>, tile<3>,  tile<4>,  tile<5>,  tile<6>,
#if HWY_TARGET == HWY_AVX3
                           tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>, tile<13>,
                           tile<14>
#endif
};

// A tile at the right edge, of fewer columns: computed in a buffer (its other columns are 0 times
// a).
HWY_NOINLINE void edge_tile(std::int64_t rows, std::int64_t cols, const float* a, const float* b,
                            std::int64_t depth, float* c, std::int64_t ldc, Ends ends) {
  float buffer[kTileRows * kTileCols] = {};
  float bias[kTileCols] = {};
  const std::size_t bytes = static_cast<std::size_t>(cols) * sizeof(float);
  if (ends.resume)
    for (std::int64_t i = 0; i < rows; ++i) std::memcpy(buffer + i * kTileCols, c + i * ldc, bytes);
  if (ends.bias) std::memcpy(bias, ends.bias, bytes);
  kTiles[rows](a, b, depth, buffer, kTileCols, {ends.resume, ends.bias ? bias : nullptr});
  for (std::int64_t i = 0; i < rows; ++i) std::memcpy(c + i * ldc, buffer + i * kTileCols, bytes);
}

// Rows of four numbers, `stride` apart, turned into to[k * width + i]: four of them, or eight, in
// the two halves of a vector.
template <int kCount>
HWY_INLINE void transpose(const float* from, std::int64_t stride, float* to, std::int64_t width) {
  const hn::FixedTag<float, kCount> d;
  const hn::FixedTag<float, 4> d4;
  const auto row = [=](std::int64_t i) HWY_ATTR {
    const auto low = hn::LoadU(d4, from + i * stride);
    if constexpr (kCount == 4)
      return low;
    else
      return hn::Combine(d, hn::LoadU(d4, from + (i + 4) * stride), low);
  };
  const auto r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
  const auto even_low = hn::InterleaveLower(d, r0, r2), odd_low = hn::InterleaveLower(d, r1, r3);
  const auto even_high = hn::InterleaveUpper(d, r0, r2), odd_high = hn::InterleaveUpper(d, r1, r3);
  hn::StoreU(hn::InterleaveLower(d, even_low, odd_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, even_low, odd_low), d, to + width);
  hn::StoreU(hn::InterleaveLower(d, even_high, odd_high), d, to + 2 * width);
  hn::StoreU(hn::InterleaveUpper(d, even_high, odd_high), d, to + 3 * width);
}

// pack() where the inner index runs through memory, for count >= kCount: `depth` rounded down to
// multiples of 16 is done, and its amount returned. Whole cache lines are turned at a time: often
// the rows lie a power of two apart, and then the cache cannot hold all of them until the line is
// needed again.
template <int kCount>
std::int64_t pack_lines(const float* from, std::int64_t across, std::int64_t count,
                        std::int64_t depth, float* to, std::int64_t width) {
  std::int64_t k = 0;
  for (; k + 16 <= depth; k += 16)
    for (std::int64_t i = 0; i < count; i += kCount) {
      const std::int64_t begin =
          i + kCount <= count ? i : count - kCount;  // the last may overlap others
      for (std::int64_t line = k; line < k + 16; line += 4)
        transpose<kCount>(from + begin * across + line, across, to + line * width + begin, width);
    }
  return k;
}

// pack() where the other index does: vectors are copied whole, and what they write beyond `width`
// is overwritten by the next ones; the last inner indices are left to the caller. Returns how many
// are done.
std::int64_t pack_rows(const float* from, std::int64_t along, std::int64_t count,
                       std::int64_t depth, float* to, std::int64_t width) {
  const auto first = hn::FirstN(kTag, static_cast<std::size_t>(count < kLanes ? count : kLanes));
  const auto second =
      hn::FirstN(kTag, static_cast<std::size_t>(count < kLanes ? 0 : count - kLanes));
  std::int64_t k = 0;
  for (; k * width + kTileCols <= depth * width && k < depth; ++k) {
    hn::StoreU(hn::MaskedLoad(first, kTag, from + k * along), kTag, to + k * width);
    if (count > kLanes)
      hn::StoreU(hn::MaskedLoad(second, kTag, from + k * along + kLanes), kTag,
                 to + k * width + kLanes);
  }
  return k;
}

// to[k * width + i] = from[i * across + k * along] for i < count, k < depth; count <= width <=
// kTileCols. Numbers between count and width become 0 or stay.
HWY_NOINLINE void pack(const float* from, std::int64_t across, std::int64_t along,
                       std::int64_t count, std::int64_t depth, float* to, std::int64_t width) {
  std::int64_t k = 0;
  if (across == 1)
    k = pack_rows(from, along, count, depth, to, width);
  else if (along == 1 && count >= 8)
    k = pack_lines<8>(from, across, count, depth, to, width);
  else if (along == 1 && count >= 4)
    k = pack_lines<4>(from, across, count, depth, to, width);
  for (; k < depth; ++k)
    for (std::int64_t i = 0; i < count; ++i) to[k * width + i] = from[i * across + k * along];
}

// A block of rows of a, packed, times all panels of b. Rows are cut into panels of nearly equal
// height: a low last one would leave the multipliers waiting for each other.
struct RowPanels {
  std::int64_t rows, count;
  std::int64_t begin(std::int64_t panel) const { return rows * panel / count; }
};

struct Block {
  std::int64_t first_col, cols;  // of b and c
  std::int64_t first_k, depth;   // of the inner index
};

void pack_b(const ConstMatrix& b, const Block& block, float* packed) {
  const float* from = b.data + block.first_k * b.row_stride + block.first_col * b.col_stride;
  for (std::int64_t j = 0; j < block.cols; j += kTileCols) {
    const std::int64_t count = block.cols - j < kTileCols ? block.cols - j : kTileCols;
    float* panel = packed + j * block.depth;
    if (count < kTileCols)
      std::memset(panel, 0, static_cast<std::size_t>(block.depth * kTileCols) * sizeof(float));
    pack(from + j * b.col_stride, b.col_stride, b.row_stride, count, block.depth, panel, kTileCols);
  }
}

// c rows of panels [first, last) in the block's columns.
void multiply(const float* packed_a, const float* packed_b, const RowPanels& panels,
              std::int64_t first, std::int64_t last, const Block& block, float* c, std::int64_t ldc,
              Ends ends) {
  const std::int64_t first_row = panels.begin(first);
  for (std::int64_t j = 0; j < block.cols; j += kTileCols) {
    const float* b = packed_b + j * block.depth;
    const Ends own = {ends.resume, ends.bias ? ends.bias + block.first_col + j : nullptr};
    for (std::int64_t p = first; p < last; ++p) {
      const std::int64_t row = panels.begin(p), rows = panels.begin(p + 1) - row;
      const float* a = packed_a + (row - first_row) * block.depth;
      float* target = c + row * ldc + block.first_col + j;
      if (block.cols - j >= kTileCols)
        kTiles[rows](a, b, block.depth, target, ldc, own);
      else
        edge_tile(rows, block.cols - j, a, b, block.depth, target, ldc, own);
    }
  }
}

void multiply_block(const ConstMatrix& a, const float* packed_b, const Block& block,
                    float* packed_a, float* c, std::int64_t ldc, Ends ends) {
  const RowPanels panels = {a.rows, (a.rows + kTileRows - 1) / kTileRows};
  for (std::int64_t first = 0; first < panels.count; first += kPanelsPerBlock) {
    const std::int64_t last =
        first + kPanelsPerBlock < panels.count ? first + kPanelsPerBlock : panels.count;
    float* to = packed_a;
    for (std::int64_t p = first; p < last; ++p) {
      const std::int64_t row = panels.begin(p), rows = panels.begin(p + 1) - row;
      pack(a.data + row * a.row_stride + block.first_k * a.col_stride, a.row_stride, a.col_stride,
           rows, block.depth, to, rows);
      to += rows * block.depth;
    }
    multiply(packed_a, packed_b, panels, first, last, block, c, ldc, ends);
  }
}

void serial_product(const ConstMatrix& a, const ConstMatrix& b, float* c, std::int64_t ldc,
                    const float* bias) {
  constexpr std::int64_t kSizeB = kDepth * kMaxCols, kSizeA = kDepth * kTileRows * kPanelsPerBlock;
  thread_local Workspace workspace;  // scratch: no result depends on it
  float* packed_b = workspace.floats(static_cast<std::size_t>(kSizeB + kSizeA));
  for (std::int64_t j = 0; j < b.cols; j += kMaxCols)
    for (std::int64_t k = 0; k < a.cols; k += kDepth) {
      const Block block = {j, b.cols - j < kMaxCols ? b.cols - j : kMaxCols, k,
                           a.cols - k < kDepth ? a.cols - k : kDepth};
      pack_b(b, block, packed_b);
      const Ends ends = {k > 0, k + block.depth == a.cols ? bias : nullptr};
      multiply_block(a, packed_b, block, packed_b + kSizeB, c, ldc, ends);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
