#include "speech/device_memory.hpp"

#include <limits>

#ifdef BALR_WITH_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#endif

namespace balr {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

#ifdef BALR_WITH_CUDA
namespace {

// Of all pools together.
c10::CachingDeviceAllocator::DeviceStats stats_of(c10::Device device) {
  return c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
}

}  // namespace

double free_memory(c10::Device device) {
  if (!device.is_cuda()) return kInfinite;
  const c10::cuda::CUDAGuard guard(device);
  std::size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return kInfinite;
  const auto stats = stats_of(device);
  return static_cast<double>(free) +
         static_cast<double>(stats.reserved_bytes[0].current - stats.allocated_bytes[0].current);
}

void begin_peak(c10::Device device) {
  if (device.is_cuda()) c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
}

double peak_memory(c10::Device device) {
  if (!device.is_cuda()) return 0;
  const auto bytes = stats_of(device).allocated_bytes[0];
  return static_cast<double>(bytes.peak - bytes.current);
}
#else
double free_memory(c10::Device) { return kInfinite; }
void begin_peak(c10::Device) {}
double peak_memory(c10::Device) { return 0; }
#endif

}  // namespace balr
