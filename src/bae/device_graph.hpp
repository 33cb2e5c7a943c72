#pragma once
#include <functional>
#include <memory>

namespace balr {

// Work on a CUDA device, recorded once and replayed (at::cuda::CUDAGraph). The work must have run
// before (libraries make their workspaces at first use), must not wait for the device nor read
// from it, and finds and leaves its numbers in tensors that stay. It is recorded, and replayed, on
// the current stream, which must not be the default one.
class DeviceGraph {
 public:
  DeviceGraph();
  ~DeviceGraph();
  // Records what `work` queues; nothing is computed. Throws InternalError without CUDA.
  void record(const std::function<void()>& work);
  bool recorded() const { return recorded_; }
  void replay();
  void forget();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  bool recorded_ = false;
};

}  // namespace balr
