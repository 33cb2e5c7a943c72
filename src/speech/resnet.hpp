#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "balr/weights/state_dict.hpp"
#include "speech/resnet_plan.hpp"

namespace balr {

// Called with the name (stem, layer1..4, pooling, embedding_a, embedding) and the value of each stage, for tests.
using StageObserver = std::function<void(const std::string&, const at::Tensor&)>;

// A trained WeSpeaker ResNet for inference, with the batch norms folded into the convolutions. Immutable: threads share one.
class ResNet {
 public:
  // Keys must match exactly, but for `projection.*` and `*.num_batches_tracked`, which are ignored, and the prefixes `module.`
  // and `resnet.`, which are removed. Throws DataError naming the key that is missing, unexpected or of another shape.
  ResNet(const ResNetConfig& config, const StateDict& weights, const at::Device& device);

  // features: float32 [B, T, feat_dim] on the device, zero behind each utterance's end; lengths: B frames, each > 8 for a
  // finite result. Returns [B, embed_dim]. Shorter utterances are masked wherever padding could reach a neighbour, so a row does not
  // depend on its batch mates beyond rounding; without padding there is no mask at all.
  at::Tensor forward(const at::Tensor& features, std::span<const std::int64_t> lengths,
                     const StageObserver& observer = {}) const;

  const ResNetConfig& config() const { return plan_.config; }

 private:
  struct Conv {
    at::Tensor weight, bias;
  };
  class Masks;
  at::Tensor apply(const ConvSpec& spec, const at::Tensor& x) const;
  at::Tensor run_block(const BlockSpec& block, const at::Tensor& x, Masks& masks) const;

  ResNetPlan plan_;
  std::vector<Conv> convs_;
  at::Tensor seg_1_weight_, seg_1_bias_;
  at::Tensor seg_2_weight_, seg_2_bias_;  // two_emb_layer, with seg_bn_1 folded in
};

}  // namespace balr
