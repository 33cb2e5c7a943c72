#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "balr/speech/resnet_config.hpp"
#include "balr/weights/state_dict.hpp"
#include "speech/resnet_plan.hpp"

namespace balr {

struct Affine {
  at::Tensor weight, bias;  // float64
};

// The network's tensors with each batch-norm folded into the convolution or linear layer beside it, on the CPU, in float64.
struct FoldedResnet {
  std::vector<Affine> convolutions;  // by unit of the plan
  Affine seg_1, seg_2;               // seg_2 is undefined without two_emb_layer
};

// See Resnet's constructor for what is accepted.
FoldedResnet fold_resnet(const ResnetConfig& config, const ResnetPlan& plan, const StateDict& weights);

}  // namespace balr
