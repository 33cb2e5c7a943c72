#pragma once
#include <ATen/core/Tensor.h>

#include <memory>

#include "balr/dist/collective.hpp"

namespace balr {

// Collective. Only where the program was built with NCCL (BALR_WITH_NCCL).
std::unique_ptr<Collective> make_nccl_collective(World& world, const at::Device& device);

}  // namespace balr
