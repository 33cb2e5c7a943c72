#include "speech/device_queue.hpp"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace balr {
namespace {

c10::Stream stream_of(at::Device device) {
  if (device.is_cpu()) return c10::Stream(c10::Stream::DEFAULT, device);
  return c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

}  // namespace

DeviceQueue::DeviceQueue(at::Device device) : device_(device), stream_(stream_of(device)) {}

DeviceQueue::Mark DeviceQueue::mark() const {
  Mark out;
  if (device_.is_cpu()) return out;
  out.event_.emplace(device_.type());
  out.event_->record(stream_);
  return out;
}

void DeviceQueue::Mark::wait() const {
  if (event_) event_->synchronize();
}

at::Tensor host_tensor(at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  return at::empty(sizes, at::TensorOptions().dtype(type).pinned_memory(!device.is_cpu()));
}

at::Tensor send(const at::Tensor& host, at::Device device) {
  if (device.is_cpu()) return host;
  return (host.is_pinned() ? host : host.pin_memory()).to(device, /*non_blocking=*/true);
}

}  // namespace balr
