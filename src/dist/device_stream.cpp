#include "dist/device_stream.hpp"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <string>

#include "balr/core/error.hpp"

namespace balr {
namespace {

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    throw InternalError(std::string(what) + " failed: " + cudaGetErrorString(status));
}

class CudaStream final : public DeviceStream {
 public:
  explicit CudaStream(const at::Device& device) : device_(device) {
    c10::cuda::set_device(device_.index());
    check_cuda(cudaEventCreateWithFlags(&mark_, cudaEventDisableTiming), "cudaEventCreate");
  }
  ~CudaStream() override { cudaEventDestroy(mark_); }

  at::Device device() const override { return device_; }

  void* handle() override {
    c10::cuda::set_device(device_.index());
    return c10::cuda::getCurrentCUDAStream(device_.index()).stream();
  }

  void mark() override {
    check_cuda(cudaEventRecord(mark_, static_cast<cudaStream_t>(handle())), "cudaEventRecord");
  }

  bool passed() override {
    const cudaError_t status = cudaEventQuery(mark_);
    if (status != cudaErrorNotReady) check_cuda(status, "an operation on the GPU");
    return status == cudaSuccess;
  }

 private:
  at::Device device_;
  cudaEvent_t mark_ = nullptr;
};

}  // namespace

std::unique_ptr<DeviceStream> make_cuda_stream(const at::Device& device) {
  return std::make_unique<CudaStream>(device);
}

}  // namespace balr
