#pragma once
#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "speech/resnet_plan.hpp"

namespace balr {

// Walks the convolutional part once. `apply(unit, x, added, relu)` is what a unit does: convolution, batch-norm, plus
// `added` if it is defined, ReLU if `relu`. `mask(x)` zeroes what is behind the rows' ends wherever a 3x3 convolution
// could see it. `layer_done(x)` is told the output of the stem and of each layer.
template <class Apply, class Mask, class Done>
at::Tensor walk_resnet(const ResnetPlan& plan, at::Tensor x, const Apply& apply, const Mask& mask, const Done& layer_done) {
  x = mask(apply(0, x, at::Tensor(), true));
  layer_done(x);
  for (const auto& layer : plan.layers) {
    for (const BlockPlan& block : layer) {
      const at::Tensor added = block.shortcut ? apply(*block.shortcut, x, at::Tensor(), false) : x;
      for (std::size_t i = 0; i + 1 < block.units.size(); ++i) {
        x = apply(block.units[i], x, at::Tensor(), true);
        if (plan.units[block.units[i + 1]].kernel > 1) x = mask(x);
      }
      x = mask(apply(block.units.back(), x, added, true));
    }
    layer_done(x);
  }
  return x;
}

}  // namespace balr
