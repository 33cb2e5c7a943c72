#include "balr/speech/resnet.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>

#include "balr/core/error.hpp"
#include "speech/pooling.hpp"
#include "speech/resnet_plan.hpp"
#include "speech/resnet_walk.hpp"
#include "speech/resnet_weights.hpp"

namespace balr {
namespace {

using Lengths = std::vector<std::int64_t>;

// Zeroes what is behind the rows' ends; one mask per length of the time axis, none where all rows are full.
class TimeMasks {
 public:
  TimeMasks(Lengths lengths, std::int64_t frames) : lengths_(std::move(lengths)), frames_(frames) {
    needed_ = std::any_of(lengths_.begin(), lengths_.end(), [&](std::int64_t n) { return n != frames; });
  }

  at::Tensor operator()(at::Tensor x) {
    follow(x.size(3));
    if (!needed_) return x;
    if (!mask_.defined()) mask_ = time_mask(x, lengths_);
    return x.mul_(mask_);
  }

  const Lengths& lengths() const { return lengths_; }

 private:
  // A layer halves the time axis at most once, and there with every row's length.
  void follow(std::int64_t frames) {
    if (frames == frames_) return;
    BALR_CHECK(frames == strided_length(frames_, 2));
    for (std::int64_t& length : lengths_) length = strided_length(length, 2);
    frames_ = frames;
    mask_ = at::Tensor();
  }

  Lengths lengths_;
  std::int64_t frames_;
  bool needed_;
  at::Tensor mask_;
};

}  // namespace

struct Resnet::State {
  ResnetConfig config;
  ResnetPlan plan;
  ResnetPlacement placement;
  std::vector<Affine> convolutions;
  Affine seg_1, seg_2;

  at::Tensor apply(std::size_t unit, const at::Tensor& x, const at::Tensor& added, bool relu) const;
  ResnetStages run(const at::Tensor& features, std::span<const std::int64_t> lengths, bool keep) const;
};

at::Tensor Resnet::State::apply(std::size_t unit, const at::Tensor& x, const at::Tensor& added, bool relu) const {
  const ConvUnit& shape = plan.units[unit];
  const std::int64_t padding = shape.kernel / 2;
  at::Tensor y = at::conv2d(x, convolutions[unit].weight, convolutions[unit].bias, {shape.stride, shape.stride},
                            {padding, padding});
  if (added.defined()) y.add_(added);
  return relu ? y.relu_() : y;
}

ResnetStages Resnet::State::run(const at::Tensor& features, std::span<const std::int64_t> lengths, bool keep) const {
  const c10::InferenceMode guard;
  BALR_CHECK(features.dim() == 3 && features.size(2) == config.feat_dim);
  BALR_CHECK(static_cast<std::size_t>(features.size(0)) == lengths.size());
  const std::int64_t frames = features.size(1);
  for (const std::int64_t length : lengths) BALR_CHECK(length >= 1 && length <= frames);
  TimeMasks masks(Lengths(lengths.begin(), lengths.end()), frames);

  at::Tensor x = features.to(placement.device, placement.type).transpose(1, 2).unsqueeze(1);
  // A copy: the mask must not write into the caller's features.
  x = masks(x.clone(at::MemoryFormat::ChannelsLast));
  ResnetStages out;
  x = walk_resnet(
      plan, x, [this](auto&&... arguments) { return apply(arguments...); }, std::ref(masks),
      [&](const at::Tensor& done) {
        // A copy: the next mask may write in place.
        if (keep) out.layers.push_back(done.to(at::kFloat, false, true).contiguous());
      });
  if (keep) out.stem = out.layers.front(), out.layers.erase(out.layers.begin());
  out.pooling = pool_statistics(x, masks.lengths());
  out.embedding_a = at::linear(out.pooling, seg_1.weight, seg_1.bias);
  out.embedding = config.two_emb_layer ? at::linear(out.embedding_a.relu(), seg_2.weight, seg_2.bias) : out.embedding_a;
  return out;
}

Resnet::Resnet(const ResnetConfig& config, const StateDict& weights, const ResnetPlacement& placement) {
  State state{config, make_resnet_plan(config), placement, {}, {}, {}};
  FoldedResnet folded = fold_resnet(config, state.plan, weights);
  for (const Affine& folded_unit : folded.convolutions)
    state.convolutions.push_back({folded_unit.weight.to(placement.device, placement.type).contiguous(at::MemoryFormat::ChannelsLast),
                                  folded_unit.bias.to(placement.device, placement.type)});
  const auto linear = [&](const Affine& layer) -> Affine {
    if (!layer.weight.defined()) return layer;
    return {layer.weight.to(placement.device, at::kFloat), layer.bias.to(placement.device, at::kFloat)};
  };
  state.seg_1 = linear(folded.seg_1);
  state.seg_2 = linear(folded.seg_2);
  state_ = std::make_unique<const State>(std::move(state));
}

Resnet::~Resnet() = default;
Resnet::Resnet(Resnet&&) noexcept = default;
Resnet& Resnet::operator=(Resnet&&) noexcept = default;

const ResnetConfig& Resnet::config() const { return state_->config; }

at::Tensor Resnet::forward(const at::Tensor& features, std::span<const std::int64_t> lengths) const {
  return state_->run(features, lengths, false).embedding;
}

ResnetStages Resnet::stages(const at::Tensor& features, std::span<const std::int64_t> lengths) const {
  return state_->run(features, lengths, true);
}

double Resnet::multiplications(std::int64_t frames) const {
  double total = 0;
  std::int64_t rows = state_->config.feat_dim, columns = frames;
  const auto add = [&](std::size_t index, std::int64_t height, std::int64_t width) {
    const ConvUnit& unit = state_->plan.units[index];
    total += static_cast<double>(unit.in_channels * unit.out_channels * unit.kernel * unit.kernel) *
             static_cast<double>(height * width);
  };
  add(0, rows, columns);
  for (const auto& layer : state_->plan.layers) {
    for (const BlockPlan& block : layer) {
      // A bottleneck's first convolution still sees the block's input.
      for (const std::size_t unit : block.units) {
        rows = strided_length(rows, state_->plan.units[unit].stride);
        columns = strided_length(columns, state_->plan.units[unit].stride);
        add(unit, rows, columns);
      }
      if (block.shortcut) add(*block.shortcut, rows, columns);
    }
  }
  return total;
}

}  // namespace balr
