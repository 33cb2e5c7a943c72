#include "bae/large_floats.hpp"

#include <ATen/ATen.h>
#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace balr {

at::Tensor large_floats(std::int64_t count, const at::TensorOptions& options) {
  constexpr std::size_t kPage = std::size_t{2} << 20;
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
  if (!options.device().is_cpu() || bytes < kPage) return at::empty({count}, options);
  const std::size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  void* memory = std::aligned_alloc(kPage, rounded);
  if (!memory) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  madvise(memory, rounded, MADV_HUGEPAGE);  // a wish: without it everything works as well
#endif
  return at::from_blob(memory, {count}, [](void* p) { std::free(p); }, options);
}

at::Tensor FloatCutter::matrix(std::int64_t rows, std::int64_t cols) {
  const at::Tensor piece = all_.narrow(0, used_, rows * cols).view({rows, cols});
  used_ += room(rows * cols);
  return piece;
}

}  // namespace balr
