// Included once for each instruction set (see simd_kernels.cpp), behind convolution_tiles-inl.hpp.
// Direct convolution: what the kernel covers is gathered for a block of output pixels, then multiplied by each panel of weights.
// The copy costs one store where 2 * out_channels / kLanes multiply-adds follow.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

// Output pixel `index` of a call, counted row by row from its first row.
struct PixelAt {
  std::int64_t row, col;
};
HWY_INLINE PixelAt pixel_at(const ConvolutionCall& call, std::int64_t index) {
  return {call.first + index / call.out.cols, index % call.out.cols};
}

// The input pixel under tap (y, x) of the kernel, or a pixel of zeros.
HWY_INLINE const float* under_tap(const ConvolutionCall& call, PixelAt at, std::int64_t y, std::int64_t x) {
  const ConvolutionShape& shape = call.packed.shape;
  const std::int64_t row = at.row * shape.stride + y - shape.kernel / 2;
  const std::int64_t col = at.col * shape.stride + x - shape.kernel / 2;
  const bool inside = row >= 0 && row < call.in.rows && col >= 0 && col < call.in.cols;
  return inside ? call.in.row(row) + col * call.in.pitch : call.packed.zeros;
}

HWY_INLINE void gather_vectors(const float* from, std::int64_t channels, float* to, std::int64_t group_stride) {
  for (std::int64_t c = 0; c < channels; c += kLanes, to += group_stride) hn::Store(hn::LoadU(kTag, from + c), kTag, to);
}

// Everything that pixels [begin, begin + a.items) see.
HWY_NOINLINE void gather(const ConvolutionCall& call, std::int64_t begin, const LeftBlock& a) {
  const std::int64_t channels = call.packed.shape.in_channels, kernel = call.packed.shape.kernel;
  const std::int64_t groups = channels / kLanes * a.group_stride();
  for (std::int64_t i = 0; i < a.items; ++i) {
    const PixelAt at = pixel_at(call, begin + i);
    for (std::int64_t y = 0; y < kernel; ++y)
      for (std::int64_t x = 0; x < kernel; ++x) {
        const float* from = under_tap(call, at, y, x);
        if (channels % kLanes == 0) {
          gather_vectors(from, channels, a.item(i) + (y * kernel + x) * groups, a.group_stride());
          continue;
        }
        for (std::int64_t c = 0; c < channels; ++c) {
          const std::int64_t k = (y * kernel + x) * channels + c;
          a.item(i)[k / kLanes * a.group_stride() + k % kLanes] = from[c];
        }
      }
  }
}

HWY_NOINLINE void finish_pixels(const ConvolutionCall& call, std::int64_t begin, std::int64_t items, std::int64_t panel,
                                const float* m) {
  for (std::int64_t v = 0; v < 2; ++v) {
    const std::int64_t channel = panel * kTileCols + v * kLanes;
    if (channel >= call.out.pitch) return;
    const Vector bias = hn::Load(kTag, call.packed.bias + channel);
    for (std::int64_t i = 0; i < items; ++i) {
      const PixelAt at = pixel_at(call, begin + i);
      const std::int64_t offset = at.col * call.out.pitch + channel;
      finish(hn::Load(kTag, m + i * kTileCols + v * kLanes), bias,
             call.end.added.data ? call.end.added.row(at.row) + offset : nullptr, call.end.relu,
             call.out.row(at.row) + offset);
    }
  }
}

void direct_convolution(const ConvolutionCall& call) {
  constexpr std::int64_t kBlock = 4 * kTileRows;
  const PackedConvolution& packed = call.packed;
  const std::int64_t pixels = (call.last - call.first) * call.out.cols;
  const RowPanels blocks = {pixels, (pixels + kBlock - 1) / kBlock};
  const std::int64_t groups = (packed.depth + kLanes - 1) / kLanes;
  thread_local Workspace workspace;  // scratch: no result depends on it
  float* m = workspace.floats(static_cast<std::size_t>(kBlock * (kTileCols + groups * kLanes)));
  for (std::int64_t b = 0; b < blocks.count; ++b) {
    const std::int64_t begin = blocks.begin(b);
    const LeftBlock a = {m + kBlock * kTileCols, blocks.begin(b + 1) - begin};
    gather(call, begin, a);
    for (std::int64_t panel = 0; panel < packed.panels; ++panel) {
      block_chains(a, packed.weights_of(panel, 0), packed.depth, m);
      finish_pixels(call, begin, a.items, panel, m);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
