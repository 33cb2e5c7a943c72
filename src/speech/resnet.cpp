#include "balr/speech/resnet.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>

#include "balr/core/error.hpp"
#include "speech/cpu_resnet.hpp"
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

at::Tensor row_of(const std::vector<float>& values) { return at::tensor(at::ArrayRef<float>(values), at::kFloat).unsqueeze(0); }

// [1, channels, mel, time] of [time][mel][pitch]
at::Tensor picture_of(const CpuResnet::Kept& kept) {
  return at::tensor(at::ArrayRef<float>(kept.values), at::kFloat)
      .view({kept.rows, kept.cols, kept.pitch})
      .narrow(2, 0, kept.channels)
      .permute({2, 1, 0})
      .unsqueeze(0)
      .contiguous();
}

// Of one utterance, in LibTorch's order.
ResnetStages to_stages(const CpuResnet::Result& result) {
  ResnetStages out;
  out.embedding_a = row_of(result.embedding_a);
  out.embedding = row_of(result.embedding);
  if (result.layers.empty()) return out;
  for (const CpuResnet::Kept& layer : result.layers) out.layers.push_back(picture_of(layer));
  out.stem = out.layers.front();
  out.layers.erase(out.layers.begin());
  const std::int64_t bins = result.layers.back().cols;
  out.pooling = row_of(result.pooling).view({2, bins, -1}).transpose(1, 2).reshape({1, -1});
  return out;
}

// Rows computed one by one, in one batch.
ResnetStages stack(const std::vector<ResnetStages>& rows) {
  const auto all = [&](auto&& member) {
    std::vector<at::Tensor> tensors;
    for (const ResnetStages& row : rows)
      if (member(row).defined()) tensors.push_back(member(row));
    return tensors.empty() ? at::Tensor() : at::cat(tensors);
  };
  ResnetStages out;
  out.stem = all([](const ResnetStages& row) { return row.stem; });
  for (std::size_t i = 0; i < rows.front().layers.size(); ++i)
    out.layers.push_back(all([i](const ResnetStages& row) { return row.layers[i]; }));
  out.pooling = all([](const ResnetStages& row) { return row.pooling; });
  out.embedding_a = all([](const ResnetStages& row) { return row.embedding_a; });
  out.embedding = all([](const ResnetStages& row) { return row.embedding; });
  return out;
}

bool by_library(const ResnetPlacement& placement) {
  return placement.convolutions == Convolutions::kLibrary ||
         (placement.convolutions == Convolutions::kAuto && !placement.device.is_cpu());
}

}  // namespace

struct Resnet::State {
  ResnetConfig config;
  ResnetPlan plan;
  ResnetPlacement placement;
  std::vector<Affine> convolutions;  // LibTorch's, like seg_1 and seg_2
  Affine seg_1, seg_2;
  std::unique_ptr<const CpuResnet> own;

  void check(const at::Tensor& features, std::span<const std::int64_t> lengths) const;
  ResnetStages run_own(const at::Tensor& features, std::span<const std::int64_t> lengths, bool keep) const;
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

void Resnet::State::check(const at::Tensor& features, std::span<const std::int64_t> lengths) const {
  BALR_CHECK(features.dim() == 3 && features.size(2) == config.feat_dim);
  BALR_CHECK(static_cast<std::size_t>(features.size(0)) == lengths.size());
  for (const std::int64_t length : lengths) BALR_CHECK(length >= 1 && length <= features.size(1));
}

// Row by row; stages of several rows only if all are full.
ResnetStages Resnet::State::run_own(const at::Tensor& features, std::span<const std::int64_t> lengths, bool keep) const {
  const at::Tensor rows = features.to(at::kCPU, at::kFloat).contiguous();
  std::vector<ResnetStages> each;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    BALR_CHECK(!keep || lengths[i] == rows.size(1));
    const float* row = rows.const_data_ptr<float>() + static_cast<std::int64_t>(i) * rows.size(1) * rows.size(2);
    each.push_back(to_stages(own->run(row, lengths[i], keep)));
  }
  return stack(each);
}

ResnetStages Resnet::State::run(const at::Tensor& features, std::span<const std::int64_t> lengths, bool keep) const {
  const c10::InferenceMode guard;
  check(features, lengths);
  if (own) return run_own(features, lengths, keep);
  const std::int64_t frames = features.size(1);
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
  State state{config, make_resnet_plan(config), placement, {}, {}, {}, nullptr};
  const FoldedResnet folded = fold_resnet(config, state.plan, weights);
  if (!by_library(placement)) {
    BALR_CHECK(placement.device.is_cpu() && placement.type == at::kFloat);
    state.own = std::make_unique<const CpuResnet>(config, state.plan, folded, placement.convolutions != Convolutions::kDirect,
                                                   placement.path);
    state_ = std::make_unique<const State>(std::move(state));
    return;
  }
  // Converted on the host: what a device converts in one queue of work, another queue must not yet read.
  for (const Affine& folded_unit : folded.convolutions)
    state.convolutions.push_back(
        {folded_unit.weight.to(placement.type).contiguous(at::MemoryFormat::ChannelsLast).to(placement.device),
         folded_unit.bias.to(placement.type).to(placement.device)});
  const at::ScalarType wide = placement.type == at::kDouble ? at::kDouble : at::kFloat;
  const auto linear = [&](const Affine& layer) -> Affine {
    if (!layer.weight.defined()) return layer;
    return {layer.weight.to(wide).to(placement.device), layer.bias.to(wide).to(placement.device)};
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

std::vector<float> Resnet::embed(std::span<const float> features) const {
  BALR_CHECK(state_->own && !features.empty());
  const auto count = static_cast<std::int64_t>(features.size());
  BALR_CHECK(count % state_->config.feat_dim == 0);
  return state_->own->run(features.data(), count / state_->config.feat_dim, false).embedding;
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
