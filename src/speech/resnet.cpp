#include "speech/resnet.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <map>
#include <optional>

#include "balr/core/error.hpp"
#include "speech/pooling.hpp"

namespace balr {
namespace {

constexpr double kBatchNormEps = 1e-5;

// The state dict by normalised name; take() removes, so that what is left over was not expected.
class Weights {
 public:
  explicit Weights(const StateDict& dict) {
    for (const auto& [full, tensor] : dict) {
      std::string name = full;
      for (const std::string prefix : {"module.", "resnet."})
        if (name.starts_with(prefix)) name = name.substr(prefix.size());
      if (name.starts_with("projection.") || name.ends_with(".num_batches_tracked")) continue;
      tensors_.emplace(name, tensor);
    }
  }

  at::Tensor take(const std::string& name, at::IntArrayRef shape) {
    const auto at = tensors_.find(name);
    if (at == tensors_.end())
      throw DataError("the weights have no tensor " + name + ": the file does not belong to this config.yaml");
    const at::Tensor tensor = at->second;
    if (tensor.sizes() != shape)
      throw DataError("the tensor " + name + " has the shape " + text(tensor.sizes()) + ", not " + text(shape) +
                      ": the file does not belong to this config.yaml");
    tensors_.erase(at);
    return tensor.to(at::kDouble);
  }

  void expect_empty() const {
    if (!tensors_.empty())
      throw DataError("the weights have an unexpected tensor " + tensors_.begin()->first +
                      ": the file does not belong to this config.yaml");
  }

 private:
  static std::string text(at::IntArrayRef shape) {
    std::string out = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
    return out + "]";
  }
  std::map<std::string, at::Tensor> tensors_;
};

struct Affine {
  at::Tensor scale, shift;  // float64 [channels]
};

Affine batch_norm(Weights& weights, const std::string& name, std::int64_t channels, bool affine) {
  const at::Tensor mean = weights.take(name + ".running_mean", {channels});
  const at::Tensor deviation = (weights.take(name + ".running_var", {channels}) + kBatchNormEps).sqrt();
  if (!affine) return {deviation.reciprocal(), -mean / deviation};
  const at::Tensor scale = weights.take(name + ".weight", {channels}) / deviation;
  return {scale, weights.take(name + ".bias", {channels}) - mean * scale};
}

}  // namespace

// Time masks [B, 1, 1, T] of the stages, made when first needed; none if nothing is padded.
class ResNet::Masks {
 public:
  Masks(std::span<const std::int64_t> lengths, std::int64_t frames, const at::TensorOptions& options)
      : lengths_(lengths.begin(), lengths.end()), options_(options) {
    for (const std::int64_t length : lengths) padded_ = padded_ || length != frames;
  }

  void apply(at::Tensor& x) {
    if (!padded_) return;
    if (!mask_ || mask_->size(3) != x.size(3)) {
      const at::Tensor lengths = at::tensor(lengths_, at::kLong).to(options_.device()).view({-1, 1, 1, 1});
      mask_ = (at::arange(x.size(3), options_.dtype(at::kLong)) < lengths).to(options_.dtype());
    }
    x.mul_(*mask_);
  }
  void halve() {
    for (std::int64_t& length : lengths_) length = (length + 1) / 2;
    mask_.reset();
  }
  bool padded() const { return padded_; }
  const std::vector<std::int64_t>& lengths() const { return lengths_; }

 private:
  std::vector<std::int64_t> lengths_;
  at::TensorOptions options_;
  bool padded_ = false;
  std::optional<at::Tensor> mask_;
};

ResNet::ResNet(const ResNetConfig& config, const StateDict& state, const at::Device& device) : plan_(config) {
  Weights weights(state);
  const auto to_device = [&](const at::Tensor& tensor) { return tensor.to(at::kFloat).to(device).contiguous(); };
  for (const ConvSpec* spec : plan_.convolutions()) {
    const at::Tensor weight = weights.take(spec->conv + ".weight", {spec->out, spec->in, spec->kernel, spec->kernel});
    const Affine norm = batch_norm(weights, spec->bn, spec->out, true);
    convs_.push_back({to_device(weight * norm.scale.view({-1, 1, 1, 1})).contiguous(at::MemoryFormat::ChannelsLast),
                      to_device(norm.shift)});
  }
  const std::int64_t out = config.embed_dim;
  seg_1_weight_ = to_device(weights.take("seg_1.weight", {out, plan_.stats_dim}));
  seg_1_bias_ = to_device(weights.take("seg_1.bias", {out}));
  if (config.two_emb_layer) {
    const Affine norm = batch_norm(weights, "seg_bn_1", out, false);
    const at::Tensor weight = weights.take("seg_2.weight", {out, out});
    seg_2_bias_ = to_device(weights.take("seg_2.bias", {out}) + weight.mv(norm.shift));
    seg_2_weight_ = to_device(weight * norm.scale);
  }
  weights.expect_empty();
}

at::Tensor ResNet::apply(const ConvSpec& spec, const at::Tensor& x) const {
  const Conv& conv = convs_[spec.index];
  return at::conv2d(x, conv.weight, conv.bias, spec.stride, spec.kernel / 2);
}

// The masks stand where zeros must be put back behind an utterance's end before a 3x3 convolution or the pooling sees them; behind the
// ReLU of a bottleneck's second convolution follows a 1x1, which needs none.
at::Tensor ResNet::run_block(const BlockSpec& block, const at::Tensor& x, Masks& masks) const {
  const bool strided = std::any_of(block.convs.begin(), block.convs.end(), [](const ConvSpec& c) { return c.stride == 2; });
  const bool bottleneck = block.convs.size() == 3;
  at::Tensor y = apply(block.convs[0], x).relu_();
  if (strided && !bottleneck) masks.halve();
  masks.apply(y);
  y = apply(block.convs[1], y);
  if (bottleneck) {
    if (strided) masks.halve();
    y = apply(block.convs[2], y.relu_());
  }
  y.add_(block.shortcut ? apply(*block.shortcut, x) : x).relu_();
  masks.apply(y);
  return y;
}

at::Tensor ResNet::forward(const at::Tensor& features, std::span<const std::int64_t> lengths,
                           const StageObserver& observer) const {
  c10::InferenceMode guard;
  BALR_CHECK(features.dim() == 3 && features.size(2) == plan_.config.feat_dim &&
             features.size(0) == static_cast<std::int64_t>(lengths.size()));
  const auto show = [&](const std::string& name, const at::Tensor& value) {
    if (observer) observer(name, value);
  };
  Masks masks(lengths, features.size(1), features.options());
  at::Tensor x = features.transpose(1, 2).unsqueeze(1).contiguous();
  x = apply(plan_.stem, x).relu_().contiguous(at::MemoryFormat::ChannelsLast);
  masks.apply(x);
  show("stem", x);
  for (std::size_t layer = 0; layer < plan_.layers.size(); ++layer) {
    for (const BlockSpec& block : plan_.layers[layer]) x = run_block(block, x, masks);
    show("layer" + std::to_string(layer + 1), x);
  }
  const at::Tensor stats = masks.padded() ? statistics_pooling(x, masks.lengths()) : statistics_pooling(x);
  show("pooling", stats);
  at::Tensor embedding = at::linear(stats, seg_1_weight_, seg_1_bias_);
  if (plan_.config.two_emb_layer) {
    show("embedding_a", embedding);
    embedding = at::linear(embedding.relu(), seg_2_weight_, seg_2_bias_);
  }
  show("embedding", embedding);
  return embedding;
}

}  // namespace balr
