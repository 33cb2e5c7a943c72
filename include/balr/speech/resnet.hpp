#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "balr/speech/resnet_config.hpp"
#include "balr/weights/state_dict.hpp"

namespace balr {

// What the network computes on its way, for tests.
struct ResnetStages {
  at::Tensor stem;                 // [B, channels, mel, time], behind its ReLU
  std::vector<at::Tensor> layers;  // layer1 to layer4
  at::Tensor pooling;              // [B, pooled]
  at::Tensor embedding_a;          // [B, embed_dim], output of seg_1
  at::Tensor embedding;            // [B, embed_dim]
};

// Where and how exactly the convolutions are computed. Pooling and the linear layers are float32 always.
struct ResnetPlacement {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;  // of the convolutions' weights and activations
};

// WeSpeaker's ResNet with statistics pooling, for inference: each batch-norm is folded into its convolution (in double).
// Immutable, so threads share one; embeddings are not normalised.
class Resnet {
 public:
  // Accepts names with a leading `module.` or `resnet.`; ignores `projection.*` and `*.num_batches_tracked`.
  // Any other missing, unexpected or misshapen tensor, or a value that is not finite, is a DataError that names it.
  Resnet(const ResnetConfig& config, const StateDict& weights, const ResnetPlacement& placement = {});
  ~Resnet();
  Resnet(Resnet&&) noexcept;
  Resnet& operator=(Resnet&&) noexcept;

  const ResnetConfig& config() const;

  // features: float32 [B, T, feat_dim] on any device; lengths: true frames of each row (1 to T), what is behind them
  // does not matter. Returns float32 [B, embed_dim] on the device. A row does not depend on its mates (to rounding).
  // A row of at most 8 frames is NaN: its deviation over one column is not defined.
  at::Tensor forward(const at::Tensor& features, std::span<const std::int64_t> lengths) const;
  ResnetStages stages(const at::Tensor& features, std::span<const std::int64_t> lengths) const;

  // Multiplications of the convolutions for one utterance of this many frames.
  double multiplications(std::int64_t frames) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace balr
