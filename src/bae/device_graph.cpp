#include "bae/device_graph.hpp"

#include "balr/core/error.hpp"

#ifdef BALR_WITH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#endif

namespace balr {

#ifdef BALR_WITH_CUDA
class DeviceGraph::Impl {
 public:
  at::cuda::CUDAGraph graph;
};

void DeviceGraph::record(const std::function<void()>& work) {
  impl_ = std::make_unique<Impl>();
  // Thread-local: NCCL's own threads may do what this thread must not.
  impl_->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  work();
  impl_->graph.capture_end();
  recorded_ = true;
}

void DeviceGraph::replay() { impl_->graph.replay(); }
#else
class DeviceGraph::Impl {};

void DeviceGraph::record(const std::function<void()>&) {
  throw InternalError("this build has no CUDA, so no step can be recorded");
}

void DeviceGraph::replay() { BALR_CHECK(!"nothing was recorded"); }
#endif

DeviceGraph::DeviceGraph() = default;
DeviceGraph::~DeviceGraph() = default;

void DeviceGraph::forget() {
  impl_.reset();
  recorded_ = false;
}

}  // namespace balr
