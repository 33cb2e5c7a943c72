#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace balr {

// Work in order on a device: a CUDA stream of its own, from LibTorch's pool. On the CPU work is
// done where it is called.
class DeviceQueue {
 public:
  explicit DeviceQueue(at::Device device);

  // While it lives, this thread's LibTorch operations go to the queue.
  c10::StreamGuard use() const { return c10::StreamGuard(stream_); }

  // A moment in the queue: wait() returns when all work queued before it is done.
  class Mark {
   public:
    void wait() const;

   private:
    friend class DeviceQueue;
    std::optional<c10::Event> event_;
  };
  Mark mark() const;

 private:
  at::Device device_;
  c10::Stream stream_;
};

// Memory of the host that the device reads and writes by itself, if there is one. LibTorch's
// allocator gives it to nobody else before a copy that was queued has ended, so it may be let go at
// once.
at::Tensor host_tensor(at::IntArrayRef sizes, at::ScalarType type, at::Device device);
// A copy on the device, queued; the host does not wait.
at::Tensor send(const at::Tensor& host, at::Device device);

}  // namespace balr
