// Compiled once for each instruction set by Highway, each time in a namespace of its own: without
// that, the linker would merge the copies of a template and silently keep one.
#include "kernels/product_simd.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <hwy/cache_control.h>

#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/product_simd.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "kernels/product_tiles-inl.hpp"

#if HWY_ONCE
namespace balr::detail {

SerialProduct simd_product(Path path) {
  [[maybe_unused]] const std::int64_t targets = hwy::SupportedTargets();
#if HWY_TARGETS & HWY_AVX2
  if (path == Path::kAvx2 && (targets & HWY_AVX2)) return N_AVX2::serial_product;
#endif
#if HWY_TARGETS & HWY_AVX3
  if (path == Path::kAvx512 && (targets & HWY_AVX3)) return N_AVX3::serial_product;
#endif
  return nullptr;
}

}  // namespace balr::detail
#endif
