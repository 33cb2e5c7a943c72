#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "balr/kernels/path.hpp"
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

// Who computes the convolutions. On the CPU our own kernels, with the same bytes on any CPU: Winograd where it fits (an error
// of 1e-5 of the embedding's norm) or directly (2e-6); on a device, or on the CPU for comparison, LibTorch.
enum class Convolutions { kAuto, kWinograd, kDirect, kLibrary };

// Where and how exactly the network is computed.
struct ResnetPlacement {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;  // of LibTorch's convolutions, weights and activations; pooling and linear layers: float32 at least
  Convolutions convolutions = Convolutions::kAuto;  // kAuto: kWinograd on the CPU, kLibrary on a device
  Path path = active_path();  // of our own kernels; changes no byte
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
  // A row of at most 8 frames is NaN: its deviation over one column is not defined. With our own kernels rows are computed one by one,
  // so a row's bytes are those of the row alone.
  at::Tensor forward(const at::Tensor& features, std::span<const std::int64_t> lengths) const;
  // One utterance [frames, feat_dim], by our own kernels; memory does not grow with its length. Not with kLibrary.
  std::vector<float> embed(std::span<const float> features) const;
  ResnetStages stages(const at::Tensor& features, std::span<const std::int64_t> lengths) const;

  // Multiplications of the convolutions for one utterance of this many frames.
  double multiplications(std::int64_t frames) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace balr
