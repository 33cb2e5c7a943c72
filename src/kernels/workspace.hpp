#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

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
      data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
      if (!data_) throw std::bad_alloc();
      count_ = count;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t count_ = 0;
};

}  // namespace balr::detail
