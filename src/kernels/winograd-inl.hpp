// Included once for each instruction set (see simd_kernels.cpp), behind convolution_tiles-inl.hpp.
// Winograd convolution, fused: for a block of tiles the inputs are transformed, then for each panel
// of output channels the products of all points are computed and transformed back at once, so that
// everything between input and output stays in the caches.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#include "kernels/winograd_weights.hpp"

HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

#define BALR_INLINE HWY_INLINE
using Value = Vector;
HWY_INLINE Value add(Value x, Value y) { return hn::Add(x, y); }
HWY_INLINE Value sub(Value x, Value y) { return hn::Sub(x, y); }
HWY_INLINE Value mul(float constant, Value x) { return hn::Mul(hn::Set(kTag, constant), x); }
HWY_INLINE Value mul_add(float constant, Value x, Value y) {
  return hn::MulAdd(hn::Set(kTag, constant), x, y);
}
#include "kernels/winograd_forms-inl.hpp"
#undef BALR_INLINE

// Planes are padded by a cache line: a power of two between them would map all points to the same
// sets of the cache.
constexpr std::int64_t kPad = 16;

template <class RowForm, class ColForm>
struct Winograd {
  static constexpr std::int64_t kMostTiles = 128;
  static constexpr int kRowsIn = RowForm::kIn, kColsIn = ColForm::kIn, kPoints = kRowsIn * kColsIn;

  // The first output of a tile.
  struct TilePlace {
    std::int64_t row, col;
  };

  // Where a block's numbers lie.
  struct Block {
    const ConvolutionCall& call;
    const RowPointers& rows;
    const TilePlace* places;
    std::int64_t items;
    float *v, *m;  // [points][groups of channels][items][kLanes], [points][items][kTileCols]
    std::int64_t v_plane, m_plane;
  };

  // The pixels under a tile. Where it touches the picture's border each has an address of its own,
  // that of zeros outside.
  struct Patch {
    bool inside;
    std::int64_t pitch;
    const float* rows[kRowsIn];
    const float* pixels[kPoints];
  };

  static HWY_INLINE void find_patch(const Block& block, std::int64_t i, Patch& patch) {
    const ConstImage& in = block.call.in;
    const std::int64_t top = block.places[i].row - 1, left = block.places[i].col - 1;
    patch.pitch = in.pitch;
    patch.inside = top >= 0 && left >= 0 && top + kRowsIn <= in.rows && left + kColsIn <= in.cols;
    for (int y = 0; y < kRowsIn; ++y) {
      const float* line = block.rows.in(top + y);
      patch.rows[y] = patch.inside ? line + left * in.pitch : nullptr;
      if (patch.inside) continue;
      for (int x = 0; x < kColsIn; ++x)
        patch.pixels[y * kColsIn + x] = line && left + x >= 0 && left + x < in.cols
                                            ? line + (left + x) * in.pitch
                                            : block.call.packed.zeros;
    }
  }

  // One vector of channels, from channel c on, of one tile.
  template <bool kInside>
  static HWY_INLINE void input_vector(const Patch& patch, std::int64_t c, float* to,
                                      std::int64_t plane) {
    // The next tile's places in all planes, which the first-level cache has lost since they were
    // read.
    for (int p = 0; p < kPoints; ++p) __builtin_prefetch(to + kLanes + p * plane, 1);
    Value columns[kPoints];  // [kRowsIn][kColsIn]
#pragma GCC unroll 8
    for (int x = 0; x < kColsIn; ++x) {
      Value d[kRowsIn], v[kRowsIn];
#pragma GCC unroll 8
      for (int y = 0; y < kRowsIn; ++y)
        d[y] = hn::LoadU(
            kTag, (kInside ? patch.rows[y] + x * patch.pitch : patch.pixels[y * kColsIn + x]) + c);
      RowForm::input(d, v);
#pragma GCC unroll 8
      for (int y = 0; y < kRowsIn; ++y) columns[y * kColsIn + x] = v[y];
    }
#pragma GCC unroll 8
    for (int y = 0; y < kRowsIn; ++y) {
      Value v[kColsIn];
      ColForm::input(columns + y * kColsIn, v);
#pragma GCC unroll 8
      for (int x = 0; x < kColsIn; ++x) hn::Store(v[x], kTag, to + (y * kColsIn + x) * plane);
    }
  }

  static HWY_NOINLINE void transform_input(const Block& block) {
    const std::int64_t channels = block.call.packed.shape.in_channels;
    Patch patch;
    for (std::int64_t i = 0; i < block.items; ++i) {
      find_patch(block, i, patch);
      float* to = block.v + i * kLanes;
      for (std::int64_t c = 0; c < channels; c += kLanes, to += block.items * kLanes)
        patch.inside ? input_vector<true>(patch, c, to, block.v_plane)
                     : input_vector<false>(patch, c, to, block.v_plane);
    }
  }

  // One vector of output channels of one tile: from [kPoints] to [kOut][kOut].
  static HWY_INLINE void output_vector(const float* m, std::int64_t plane, Value* y) {
    Value columns[RowForm::kOut * kColsIn];
#pragma GCC unroll 8
    for (int x = 0; x < kColsIn; ++x) {
      Value from[kRowsIn], to[RowForm::kOut];
#pragma GCC unroll 8
      for (int i = 0; i < kRowsIn; ++i) from[i] = hn::Load(kTag, m + (i * kColsIn + x) * plane);
      RowForm::output(from, to);
#pragma GCC unroll 8
      for (int i = 0; i < RowForm::kOut; ++i) columns[i * kColsIn + x] = to[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < RowForm::kOut; ++i)
      ColForm::output(columns + i * kColsIn, y + i * ColForm::kOut);
  }

  static HWY_INLINE void store_tile(const Block& block, std::int64_t i, std::int64_t channel,
                                    Value bias, const Value* y) {
    const ConvolutionCall& call = block.call;
    const std::int64_t top = block.places[i].row, left = block.places[i].col;
#pragma GCC unroll 8
    for (int row = 0; row < RowForm::kOut; ++row) {
      if (top + row >= call.last) return;
      const std::int64_t offset = left * call.out.pitch + channel;
      float* out = block.rows.out(top + row) + offset;
      const float* added = block.rows.added(top + row);
      if (added) added += offset;
#pragma GCC unroll 8
      for (int col = 0; col < ColForm::kOut; ++col) {
        if (left + col >= call.out.cols) break;
        finish(y[row * ColForm::kOut + col], bias, added ? added + col * call.out.pitch : nullptr,
               call.end.relu, out + col * call.out.pitch);
      }
    }
  }

  static HWY_NOINLINE void transform_output(const Block& block, std::int64_t panel) {
    for (std::int64_t v = 0; v < 2; ++v) {
      const std::int64_t channel = panel * kTileCols + v * kLanes;
      if (channel >= block.call.out.pitch) return;
      const Vector bias = hn::Load(kTag, block.call.packed.bias + channel);
      for (std::int64_t i = 0; i < block.items; ++i) {
        Value y[RowForm::kOut * ColForm::kOut];
        output_vector(block.m + i * kTileCols + v * kLanes, block.m_plane, y);
        store_tile(block, i, channel, bias, y);
      }
    }
  }

  // The lines that transform_output will read and write for tiles [first, last).
  static void fetch_output(const Block& block, std::int64_t panel, std::int64_t first,
                           std::int64_t last) {
    const Image& out = block.call.out;
    const std::int64_t channel = panel * kTileCols;
    const std::int64_t channels = std::min(kTileCols, out.pitch - channel);
    for (std::int64_t i = first; i < last; ++i) {
      const TilePlace place = block.places[i];
      const std::int64_t end = std::min<std::int64_t>(place.row + RowForm::kOut, block.call.last);
      for (std::int64_t row = place.row; row < end; ++row)
        for (std::int64_t col = place.col;
             col < std::min<std::int64_t>(place.col + ColForm::kOut, out.cols); ++col)
          for (std::int64_t c = 0; c < channels; c += kLine) {
            const std::int64_t offset = col * out.pitch + channel + c;
            __builtin_prefetch(block.rows.out(row) + offset, 1);
            if (block.rows.added(row)) __builtin_prefetch(block.rows.added(row) + offset, 0);
          }
    }
  }

  // The inputs of a later block's tiles [first, last), into the second-level cache: each tile's
  // share of the picture.
  static void fetch_input(const Block& block, std::int64_t first, std::int64_t last) {
    const ConstImage& in = block.call.in;
    for (std::int64_t i = first; i < last; ++i)
      for (int y = 0; y < RowForm::kOut; ++y) {
        const float* line = block.rows.in(block.places[i].row + y);
        if (!line) break;
        const std::int64_t col = block.places[i].col,
                           end = std::min<std::int64_t>(col + ColForm::kOut, in.cols);
        for (std::int64_t k = col * in.pitch; k < end * in.pitch; k += kLine)
          __builtin_prefetch(line + k, 0, 2);
      }
  }

  // Computes a block, and meanwhile fetches what comes next in small portions.
  static void compute(const Block& block, const Block& next) {
    const PackedConvolution& packed = block.call.packed;
    const RowPanels out_shares = {block.items, kPoints},
                    in_shares = {next.items, packed.panels * kPoints};
    transform_input(block);
    for (std::int64_t panel = 0; panel < packed.panels; ++panel) {
      for (int point = 0; point < kPoints; ++point) {
        block_chains({block.v + point * block.v_plane, block.items},
                     packed.weights_of(panel, point), packed.depth,
                     block.m + point * block.m_plane);
        fetch_output(block, panel, out_shares.begin(point), out_shares.begin(point + 1));
        const std::int64_t share = panel * kPoints + point;
        fetch_input(next, in_shares.begin(share), in_shares.begin(share + 1));
      }
      transform_output(block, panel);
    }
  }

  static void run(const ConvolutionCall& call) {
    const std::int64_t tile_cols = (call.out.cols + ColForm::kOut - 1) / ColForm::kOut;
    const std::int64_t tile_rows = (call.last - call.first + RowForm::kOut - 1) / RowForm::kOut;
    const std::int64_t channels = image_pitch(call.packed.shape.in_channels),
                       most = block_tiles(channels);
    const RowPanels blocks = {tile_rows * tile_cols, (tile_rows * tile_cols + most - 1) / most};
    const std::int64_t v_plane = channels * most + kPad, m_plane = kTileCols * most + kPad;
    thread_local Workspace workspace;  // scratch: no result depends on it
    thread_local RowPointers rows;
    float* v = workspace.floats(static_cast<std::size_t>(kPoints * (v_plane + m_plane)));
    rows.find(call, call.first - 1, call.first - 1 + (tile_rows - 1) * RowForm::kOut + kRowsIn);
    TilePlace places[2][kMostTiles];  // of a block and the next one
    const auto block_at = [&](std::int64_t b) HWY_ATTR -> Block {
      const std::int64_t begin = b < blocks.count ? blocks.begin(b) : 0,
                         end = b < blocks.count ? blocks.begin(b + 1) : 0;
      for (std::int64_t tile = begin; tile < end; ++tile)
        places[b % 2][tile - begin] = {call.first + tile / tile_cols * RowForm::kOut,
                                       tile % tile_cols * ColForm::kOut};
      return {call, rows, places[b % 2], end - begin, v, v + kPoints * v_plane, v_plane, m_plane};
    };
    for (std::int64_t b = 0; b < blocks.count; ++b) {
      const Block block = block_at(b);
      compute(block, block_at(b + 1));
    }
  }

  // Few tiles keep their numbers in the second-level cache; many read the weights less often.
  static std::int64_t block_tiles(std::int64_t channels) {
    return channels <= 64 ? 40 : channels <= 128 ? 56 : 84;
  }
};

void winograd_convolution(const ConvolutionCall& call) {
  wide_tiles(call.packed.shape.in_channels) ? Winograd<Form4, Form5>::run(call)
                                            : Winograd<Form4, Form4>::run(call);
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
