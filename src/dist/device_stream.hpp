#pragma once
#include <ATen/core/Tensor.h>

#include <memory>

namespace balr {

// What NCCL needs of a device. The seam at which the tests put host memory, so that NCCL's back end
// runs without a GPU.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;
  virtual at::Device device() const = 0;
  // The stream on which the caller works (cudaStream_t); makes the device current.
  virtual void* handle() = 0;
  // Remembers the work that the stream holds now, for passed().
  virtual void mark() = 0;
  // Whether all of it has ended. Throws InternalError if the device failed.
  virtual bool passed() = 0;
};

std::unique_ptr<DeviceStream> make_cuda_stream(const at::Device& device);

}  // namespace balr
