#pragma once
#include <cstdint>
#include <span>

#include "balr/bae/loss_ops.hpp"

namespace balr {

// On the CPU.
BatchLabels sort_labels(std::span<const std::int64_t> labels);

// The same of classes (int64 [batch]) that lie on a device, computed there. `largest`: as in
// BatchLabels, which nobody can know without waiting for the device.
BatchLabels sort_labels(const at::Tensor& classes, std::int64_t largest);

}  // namespace balr
