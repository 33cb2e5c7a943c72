#include "balr/dist/gpu.hpp"

#include <cstdlib>
#include <map>
#include <string_view>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

#ifdef BALR_WITH_CUDA
#include <ATen/ATen.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace balr {

#ifdef BALR_WITH_CUDA
namespace {

std::string uuid_text(const cudaUUID_t& uuid) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(uuid.bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// A sum on the device: fails where LibTorch was built without kernels for this compute capability.
std::string try_kernel(const c10::Device& device) {
  try {
    const at::Tensor ones = at::ones({1000}, at::TensorOptions().device(device));
    return ones.sum().item<double>() == 1000 ? "" : "a sum of 1,000 ones is not 1,000";
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return text.substr(0, text.find('\n'));
  }
}

cudaDeviceProp properties_of(const c10::Device& device) {
  cudaDeviceProp properties{};
  const cudaError_t status = cudaGetDeviceProperties(&properties, device.index());
  if (status != cudaSuccess)
    throw InternalError("cannot ask the driver about GPU " + std::to_string(device.index()) + " (" + cudaGetErrorString(status) +
                        "); run nvidia-smi on that node");
  return properties;
}

}  // namespace

std::string gpu_uuid(const c10::Device& device) {
  return device.is_cuda() ? uuid_text(properties_of(device).uuid) : "";
}

GpuInfo describe_gpu(const c10::Device& device) {
  GpuInfo info;
  if (!device.is_cuda()) return info;
  const cudaDeviceProp properties = properties_of(device);
  info.uuid = uuid_text(properties.uuid);
  info.name = properties.name;
  info.major = properties.major;
  info.minor = properties.minor;
  info.memory_gib = static_cast<double>(properties.totalGlobalMem) / (1 << 30);
  info.kernel_error = try_kernel(device);
  return info;
}

void use_own_stream(const c10::Device& device) {
  if (!device.is_cuda()) return;
  c10::cuda::set_device(device.index());
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
}
#else
std::string gpu_uuid(const c10::Device&) { return {}; }
GpuInfo describe_gpu(const c10::Device&) { return {}; }
void use_own_stream(const c10::Device&) {}
#endif

std::string shared_gpu(const std::vector<RankDevice>& ranks) {
  std::map<std::string, std::size_t> owner;  // a uuid is unique in the world, MIG slices included
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (ranks[rank].uuid.empty()) continue;
    const auto [at, first] = owner.emplace(ranks[rank].uuid, rank);
    if (!first)
      return "ranks " + std::to_string(at->second) + " and " + std::to_string(rank) + " share one GPU of " + ranks[rank].host +
             "; start one rank for each GPU and let every rank see all of them (--gpus-per-node, not --gpus-per-task), or set "
             "BALR_SHARE_GPUS=1";
  }
  return {};
}

void refuse_shared_gpus(World& world, const c10::Device& device) {
  std::string mine;
  all_agree(world, "ask for the GPU", [&] { mine = world.host() + "\n" + gpu_uuid(device); });
  std::vector<RankDevice> ranks;
  for (const std::string& text : world.all_gather(mine, "GPUs of all ranks")) {
    const std::size_t line = text.find('\n');
    ranks.push_back({text.substr(0, line), text.substr(line + 1)});
  }
  const char* share = std::getenv("BALR_SHARE_GPUS");
  const std::string why = share && std::string_view(share) == "1" ? "" : shared_gpu(ranks);
  all_agree(world, "one GPU for each rank", [&] {
    if (!why.empty()) throw ConfigError(why);
  });
}

}  // namespace balr
