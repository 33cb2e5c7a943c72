// Included once for each instruction set (see simd_kernels.cpp), behind convolution_tiles-inl.hpp.
// Direct convolution: what the kernel covers is gathered for a block of output pixels, then
// multiplied by each panel of weights. The copy costs one store where 2 * out_channels / kLanes
// multiply-adds follow.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace balr::detail {
namespace HWY_NAMESPACE {

// A run of a call's output pixels, row by row.
struct PixelRun {
  const ConvolutionCall& call;
  const RowPointers& rows;
  std::int64_t row, col, items;  // its first pixel, and how many there are

  // each(i, row, col) for all its pixels.
  template <class Each>
  HWY_INLINE void for_each(const Each& each) const {
    std::int64_t y = row, x = col;
    for (std::int64_t i = 0; i < items; ++i) {
      each(i, y, x);
      if (++x == call.out.cols) x = 0, ++y;
    }
  }
};

// Copies the channels under one tap to their place in the left operand.
HWY_INLINE void gather_tap(const float* from, std::int64_t channels, std::int64_t tap, float* item,
                           std::int64_t group_stride) {
  if (channels % kLanes == 0) {
    float* to = item + tap * (channels / kLanes) * group_stride;
    for (std::int64_t c = 0; c < channels; c += kLanes, to += group_stride)
      hn::Store(hn::LoadU(kTag, from + c), kTag, to);
    return;
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t k = tap * channels + c;
    item[k / kLanes * group_stride + k % kLanes] = from[c];
  }
}

// Everything that the pixels see.
HWY_NOINLINE void gather(const PixelRun& run, const LeftBlock& a) {
  const ConvolutionShape& shape = run.call.packed.shape;
  const ConstImage& in = run.call.in;
  run.for_each([&](std::int64_t i, std::int64_t row, std::int64_t col) HWY_ATTR {
    for (std::int64_t y = 0; y < shape.kernel; ++y) {
      const float* line = run.rows.in(row * shape.stride + y - shape.kernel / 2);
      for (std::int64_t x = 0; x < shape.kernel; ++x) {
        const std::int64_t at = col * shape.stride + x - shape.kernel / 2;
        const float* from =
            line && at >= 0 && at < in.cols ? line + at * in.pitch : run.call.packed.zeros;
        gather_tap(from, shape.in_channels, y * shape.kernel + x, a.item(i), a.group_stride());
      }
    }
  });
}

HWY_NOINLINE void finish_pixels(const PixelRun& run, std::int64_t panel, const float* m) {
  const std::int64_t pitch = run.call.out.pitch;
  for (std::int64_t v = 0; v < 2; ++v) {
    const std::int64_t channel = panel * kTileCols + v * kLanes;
    if (channel >= pitch) return;
    const Vector bias = hn::Load(kTag, run.call.packed.bias + channel);
    run.for_each([&](std::int64_t i, std::int64_t row, std::int64_t col) HWY_ATTR {
      const std::int64_t offset = col * pitch + channel;
      const float* added = run.rows.added(row);
      finish(hn::Load(kTag, m + i * kTileCols + v * kLanes), bias, added ? added + offset : nullptr,
             run.call.end.relu, run.rows.out(row) + offset);
    });
  }
}

void gathered_convolution(const ConvolutionCall& call, const RowPointers& rows) {
  constexpr std::int64_t kBlock = 4 * kTileRows;
  const PackedConvolution& packed = call.packed;
  const std::int64_t pixels = (call.last - call.first) * call.out.cols;
  const RowPanels blocks = {pixels, (pixels + kBlock - 1) / kBlock};
  const std::int64_t groups = (packed.depth + kLanes - 1) / kLanes;
  thread_local Workspace workspace;  // scratch: no result depends on it
  float* m = workspace.floats(static_cast<std::size_t>(kBlock * (kTileCols + groups * kLanes)));
  for (std::int64_t b = 0; b < blocks.count; ++b) {
    const std::int64_t begin = blocks.begin(b), items = blocks.begin(b + 1) - begin;
    const PixelRun run = {call, rows, call.first + begin / call.out.cols, begin % call.out.cols,
                          items};
    const LeftBlock a = {m + kBlock * kTileCols, items};
    gather(run, a);
    for (std::int64_t panel = 0; panel < packed.panels; ++panel) {
      block_chains(a, packed.weights_of(panel, 0), packed.depth, m);
      finish_pixels(run, panel, m);
    }
  }
}

// The chains of kRows neighbours where the input has one channel: `a` is the first one's top left
// in three rows with a border.
template <int kRows>
HWY_NOINLINE void narrow_chains(const float* HWY_RESTRICT a, std::int64_t width,
                                const float* HWY_RESTRICT b, float* HWY_RESTRICT m) {
  Vector left[kRows], right[kRows];
  start_chains<kRows>(left, right);
  for (std::int64_t y = 0; y < 3; ++y)
    for (std::int64_t x = 0; x < 3; ++x)
      chain_step<kRows, 1>(left, right, a + y * width + x, b + (y * 3 + x) * kTileCols);
  store_chains<kRows>(left, right, m);
}

using NarrowChains = void (*)(const float*, std::int64_t, const float*, float*);
constexpr NarrowChains kNarrowChains[] = {
    nullptr,           narrow_chains<1>,  narrow_chains<2>, narrow_chains<3>,  narrow_chains<4>,
    narrow_chains<5>,  narrow_chains<6>,
#if HWY_TARGET == HWY_AVX3
    narrow_chains<7>,  narrow_chains<8>,  narrow_chains<9>, narrow_chains<10>, narrow_chains<11>,
    narrow_chains<12>, narrow_chains<13>, narrow_chains<14>
#endif
};

// The network's first convolution: one input channel, 3 x 3, stride 1. Nothing is gathered but a
// border.
void narrow_convolution(const ConvolutionCall& call, const RowPointers& rows) {
  const std::int64_t width = call.in.cols + 2, cols = call.out.cols;
  thread_local Workspace workspace;  // scratch: no result depends on it
  float* m = workspace.floats(static_cast<std::size_t>(cols * kTileCols + 3 * width));
  float* lines = m + cols * kTileCols;
  const RowPanels heights = heights_of(cols);
  for (std::int64_t row = call.first; row < call.last; ++row) {
    std::memset(lines, 0, static_cast<std::size_t>(3 * width) * sizeof(float));
    for (std::int64_t y = 0; y < 3; ++y)
      if (const float* line = rows.in(row + y - 1))
        for (std::int64_t x = 0; x < call.in.cols; ++x)
          lines[y * width + 1 + x] = line[x * call.in.pitch];
    for (std::int64_t panel = 0; panel < call.packed.panels; ++panel) {
      for (std::int64_t h = 0; h < heights.count; ++h) {
        const std::int64_t col = heights.begin(h);
        kNarrowChains[heights.begin(h + 1) - col](
            lines + col, width, call.packed.weights_of(panel, 0), m + col * kTileCols);
      }
      finish_pixels({call, rows, row, 0, cols}, panel, m);
    }
  }
}

void direct_convolution(const ConvolutionCall& call) {
  const ConvolutionShape& shape = call.packed.shape;
  thread_local RowPointers rows;  // scratch, like the workspaces
  rows.find(call, call.first * shape.stride - shape.kernel / 2,
            (call.last - 1) * shape.stride + shape.kernel / 2 + 1);
  const bool narrow = shape.in_channels == 1 && shape.kernel == 3 && shape.stride == 1;
  narrow ? narrow_convolution(call, rows) : gathered_convolution(call, rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace balr::detail
HWY_AFTER_NAMESPACE();
#endif
