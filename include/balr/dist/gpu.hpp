#pragma once
#include <c10/core/Device.h>

#include <string>
#include <vector>

namespace balr {

class World;

// One GPU as its driver describes it; all empty for the CPU.
struct GpuInfo {
  std::string uuid, name;
  int major = 0, minor = 0;  // compute capability
  double memory_gib = 0;
  std::string kernel_error;  // why LibTorch cannot compute there; empty if it can (tried with a sum)
};

// "GPU-..." of the driver, "" for the CPU. Throws InternalError if the driver fails.
std::string gpu_uuid(const c10::Device& device);
// Computes a little on the device, to see whether LibTorch can. Throws InternalError if the driver fails.
GpuInfo describe_gpu(const c10::Device& device);

// From here on this thread works on a stream of its own: on the default one no CUDA graph can be
// recorded. For the CPU nothing.
void use_own_stream(const c10::Device& device);

struct RankDevice {
  std::string host, uuid;
};
// Why these ranks must not run together: two share a GPU. Empty if all is well. Ranks without a GPU have no uuid.
std::string shared_gpu(const std::vector<RankDevice>& ranks);

// Collective. Throws ConfigError (agreed) if two ranks share a GPU, unless BALR_SHARE_GPUS=1 is set (NCCL refuses it all the
// same; extraction works, more slowly than one rank would).
void refuse_shared_gpus(World& world, const c10::Device& device);

}  // namespace balr
