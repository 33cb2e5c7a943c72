#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace balr {

// `count` float32 numbers, uninitialised; on the CPU in large pages where the system has them (half
// the rows of a matrix lie in pages of their own otherwise), on a device as any tensor.
at::Tensor large_floats(std::int64_t count, const at::TensorOptions& options);

// Cuts one such tensor into pieces that begin at multiples of 64 bytes.
class FloatCutter {
 public:
  explicit FloatCutter(at::Tensor all) : all_(std::move(all)) {}
  static std::int64_t room(std::int64_t count) { return (count + 15) / 16 * 16; }
  at::Tensor matrix(std::int64_t rows, std::int64_t cols);

 private:
  at::Tensor all_;
  std::int64_t used_ = 0;
};

}  // namespace balr
