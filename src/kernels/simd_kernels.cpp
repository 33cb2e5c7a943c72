// Compiled once for each instruction set by Highway, each time in a namespace of its own: without
// that, the linker would merge the copies of a template and silently keep one.
#include "kernels/simd_kernels.hpp"

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd_kernels.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

// Each uses what is before it.
// clang-format off
#include "kernels/adam-inl.hpp"
#include "kernels/product_tiles-inl.hpp"
#include "kernels/convolution_tiles-inl.hpp"
#include "kernels/convolution_direct-inl.hpp"
#include "kernels/winograd-inl.hpp"
// clang-format on

#if HWY_ONCE
namespace balr::detail {

const SimdKernels* simd_kernels(Path path) {
  // Asked once: each question costs the processor's slow CPUID, which a virtual machine makes
  // slower still.
  [[maybe_unused]] static const std::int64_t targets = hwy::SupportedTargets();
#if HWY_TARGETS & HWY_AVX2
  static constexpr SimdKernels kAvx2 = {N_AVX2::serial_product, N_AVX2::serial_adam,
                                        N_AVX2::kTileCols, N_AVX2::direct_convolution,
                                        N_AVX2::winograd_convolution};
  if (path == Path::kAvx2 && (targets & HWY_AVX2)) return &kAvx2;
#endif
#if HWY_TARGETS & HWY_AVX3
  static constexpr SimdKernels kAvx512 = {N_AVX3::serial_product, N_AVX3::serial_adam,
                                          N_AVX3::kTileCols, N_AVX3::direct_convolution,
                                          N_AVX3::winograd_convolution};
  if (path == Path::kAvx512 && (targets & HWY_AVX3)) return &kAvx512;
#endif
  return nullptr;
}

}  // namespace balr::detail
#endif
