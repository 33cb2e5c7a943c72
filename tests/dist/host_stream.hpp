#pragma once
#include "dist/device_stream.hpp"
#include "nccl_double.hpp"

namespace balr::test {

// The device under NCCL's double: the CPU, on which all other work has ended when it returns.
class HostStream : public DeviceStream {
 public:
  at::Device device() const override { return at::kCPU; }
  void* handle() override { return nullptr; }
  void mark() override { mark_ = nccl_double::queued(); }
  bool passed() override { return nccl_double::done() >= mark_; }

 private:
  std::uint64_t mark_ = 0;
};

}  // namespace balr::test
