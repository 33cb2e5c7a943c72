#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "balr/speech/resnet_config.hpp"

// The ResNet's structure as data: written once, used to load, initialise, calibrate and compute it.
namespace balr {

// A convolution without bias and the batch-norm behind it.
struct ConvUnit {
  std::string conv, norm;  // their names in the state dict, e.g. layer1.0.conv1 and layer1.0.bn1
  std::int64_t in_channels, out_channels;
  std::int64_t kernel;  // 3 (padding 1) or 1 (padding 0), in both axes
  std::int64_t stride;  // in both axes
};

// Units are given by their index in ResnetPlan::units.
struct BlockPlan {
  std::vector<std::size_t> units;       // one after the other; ReLU behind each, behind the last after the addition
  std::optional<std::size_t> shortcut;  // what is added; none: the block's input
  std::int64_t stride;
};

struct ResnetPlan {
  std::vector<ConvUnit> units;  // in state dict order; the first is the stem
  std::vector<std::vector<BlockPlan>> layers;
  std::int64_t pooled;  // numbers behind the pooling: mean and deviation of channels x mel rows
};

ResnetPlan make_resnet_plan(const ResnetConfig& config);

// What a strict loader wants: names and shapes in state dict order, without num_batches_tracked.
using TensorShapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;
TensorShapes resnet_tensors(const ResnetConfig& config);

// Length in time or mel behind `stride`.
constexpr std::int64_t strided_length(std::int64_t length, std::int64_t stride) { return (length + stride - 1) / stride; }

}  // namespace balr
