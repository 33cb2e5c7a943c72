#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace balr::detail {

// Memory for packed operands that starts on a cache line. It grows and stays, so that a product in
// a loop does not pay for fresh pages each time.
class Workspace {
 public:
  // At least `count` floats, contents undefined; the previous pointer is no longer valid.
  float* floats(std::size_t count) {
    if (count > count_) {
      data_.reset();
      count_ = 0;
      const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
      const bool huge = bytes >= kHugePage;
      // Not aligned_alloc, which wants a size that is a multiple of the alignment.
      void* data = nullptr;
      if (posix_memalign(&data, huge ? kHugePage : 64, bytes) != 0) throw std::bad_alloc();
      data_.reset(static_cast<float*>(data));
#ifdef __linux__
      // Fewer address translations where weights stream past; a refusal does no harm.
      if (huge) madvise(data_.get(), bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
      count_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr std::size_t kHugePage = 2 << 20;

  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t count_ = 0;
};

}  // namespace balr::detail
