#include "speech/cpu_resnet.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "balr/core/error.hpp"
#include "speech/statistics_sums.hpp"

namespace balr {
namespace {

std::span<const double> values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<double>(), static_cast<std::size_t>(tensor.numel())};
}

Convolution pack_linear(const at::Tensor& weight, const at::Tensor& bias, Path path) {
  const at::Tensor rows = weight.contiguous();
  return {{rows.size(1), rows.size(0), 1, 1},
          values(rows),
          values(bias),
          ConvolutionMethod::kDirect,
          path};
}

// The pooling's numbers come by mel bin here, by channel in the state dict.
at::Tensor columns_by_mel(const at::Tensor& weight, std::int64_t channels) {
  const std::int64_t bins = weight.size(1) / (2 * channels);
  return weight.view({weight.size(0), 2, channels, bins})
      .transpose(2, 3)
      .reshape({weight.size(0), -1});
}

std::vector<float> apply_linear(const Convolution& layer, const std::vector<float>& in) {
  const ConvolutionShape& shape = layer.shape();
  BALR_CHECK(static_cast<std::int64_t>(in.size()) == shape.in_channels);
  std::vector<float> out(static_cast<std::size_t>(image_pitch(shape.out_channels)));
  layer.run({in.data(), 1, 1, shape.in_channels, shape.in_channels},
            {out.data(), 1, 1, shape.out_channels, image_pitch(shape.out_channels)}, {});
  out.resize(static_cast<std::size_t>(shape.out_channels));
  return out;
}

// Rows that a run computes: few where pictures are wide, so that they stay in the cache, many where
// weights are large, so that they are read less often.
std::int64_t rows_at_once(std::int64_t channels) {
  return channels <= 32 ? 8 : channels <= 64 ? 16 : channels <= 128 ? 32 : 128;
}

}  // namespace

CpuResnet::CpuResnet(const ResnetConfig& config, const ResnetPlan& plan, const FoldedResnet& folded,
                     bool winograd, Path path)
    : feat_dim_(config.feat_dim), path_(path) {
  const auto add = [&](std::size_t unit, std::size_t in, std::ptrdiff_t added, bool relu) {
    add_node(plan.units[unit], folded.convolutions[unit], winograd, {in, 0, added, 0, 0, 0}, relu);
    return shapes_.size() - 1;
  };
  std::size_t x = add(0, add_picture(1, 1), -1, true);
  layer_ends_.push_back(x);
  for (const auto& layer : plan.layers) {
    for (const BlockPlan& block : layer) {
      const std::size_t added = block.shortcut ? add(*block.shortcut, x, -1, false) : x;
      for (std::size_t i = 0; i + 1 < block.units.size(); ++i) x = add(block.units[i], x, -1, true);
      x = add(block.units.back(), x, static_cast<std::ptrdiff_t>(added), true);
    }
    layer_ends_.push_back(x);
  }
  linear_.push_back(pack_linear(columns_by_mel(folded.seg_1.weight, shapes_.back().channels),
                                folded.seg_1.bias, path));
  if (config.two_emb_layer)
    linear_.push_back(pack_linear(folded.seg_2.weight, folded.seg_2.bias, path));
}

std::size_t CpuResnet::add_picture(std::int64_t channels, std::int64_t stride) {
  std::int64_t cols = feat_dim_;
  for (std::int64_t by = 1; by < stride; by *= 2) cols = strided(cols, 2);
  shapes_.push_back({cols, channels, stride});
  return shapes_.size() - 1;
}

void CpuResnet::add_node(const ConvUnit& unit, const Affine& folded, bool winograd, RowNode node,
                         bool relu) {
  const PictureShape from = shapes_[node.in];
  // Time is the first axis here, mel the second: the other way round in the state dict.
  const at::Tensor weight = folded.weight.transpose(2, 3).contiguous();
  const bool fits = unit.kernel == 3 && unit.stride == 1 && unit.in_channels > 1;
  convolutions_.emplace_back(
      ConvolutionShape{unit.in_channels, unit.out_channels, unit.kernel, unit.stride},
      values(weight), values(folded.bias),
      winograd && fits ? ConvolutionMethod::kWinograd : ConvolutionMethod::kDirect, path_);
  const std::int64_t step = convolutions_.back().row_unit();
  const std::int64_t wanted = rows_at_once(std::max(unit.in_channels, unit.out_channels));
  node.out = add_picture(unit.out_channels, from.stride * unit.stride);
  node.kernel = unit.kernel;
  node.stride = unit.stride;
  node.rows_at_once = (wanted + step - 1) / step * step;
  nodes_.push_back(node);
  relu_.push_back(relu);
}

std::vector<RowPicture> CpuResnet::row_pictures(std::int64_t frames) const {
  std::vector<RowPicture> out;
  for (const PictureShape& shape : shapes_) {
    std::int64_t rows = frames;
    for (std::int64_t by = 1; by < shape.stride; by *= 2) rows = strided(rows, 2);
    out.push_back({rows});
  }
  return out;
}

// The pictures of one utterance, in memory that its thread keeps.
struct CpuResnet::Pictures {
  Pictures(const CpuResnet& network, const float* features, const std::vector<RowPicture>& rows,
           std::vector<std::int64_t> kept) {
    static thread_local std::vector<float> memory;  // scratch: no result depends on it
    constexpr std::size_t kLine = 16;               // floats of a cache line
    std::size_t size = kLine;
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const PictureShape& shape = network.shapes_[i];
      const std::int64_t pitch = i == 0 ? 1 : image_pitch(shape.channels);
      images.push_back({nullptr, rows[i].rows, shape.cols, shape.channels, pitch, kept[i]});
      offsets.push_back(size);
      if (i > 0) size += static_cast<std::size_t>(kept[i] * shape.cols * pitch) + kLine;
    }
    if (memory.size() < size) memory.resize(size);
    const std::size_t skew =
        reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(float) % kLine;
    for (std::size_t i = 1; i < rows.size(); ++i)
      images[i].data = memory.data() + offsets[i] - skew;
    input = {features, images[0].rows, images[0].cols, 1, 1, 0};
  }
  ConstImage source(std::size_t i) const { return i == 0 ? input : ConstImage(images[i]); }

  ConstImage input;
  std::vector<Image> images;
};

CpuResnet::Result CpuResnet::run(const float* features, std::int64_t frames, bool keep) const {
  const std::vector<RowPicture> rows = row_pictures(frames);
  std::vector<std::int64_t> kept = RowSchedule::rows_kept(nodes_, rows);
  if (keep)
    for (const std::size_t picture : layer_ends_) kept[picture] = rows[picture].rows;
  const Pictures pictures(*this, features, rows, std::move(kept));
  const Image& last = pictures.images.back();
  StatisticsSums sums(static_cast<std::size_t>(last.cols * last.pitch));
  RowSchedule schedule(nodes_, rows);
  RowSchedule::Run run;
  while (schedule.next(run)) {
    const RowNode& node = nodes_[run.node];
    const ConvolutionEnd end = {
        node.added < 0 ? ConstImage{} : pictures.source(static_cast<std::size_t>(node.added)),
        relu_[run.node]};
    convolutions_[run.node].rows(pictures.source(node.in), pictures.images[node.out], end,
                                 run.first, run.last);
    if (run.node + 1 == nodes_.size())
      for (std::int64_t row = run.first; row < run.last; ++row) sums.add(last.row(row));
  }
  Result result;
  result.pooling = sums.finish();
  result.embedding_a = result.embedding = apply_linear(linear_[0], result.pooling);
  if (linear_.size() > 1) {
    std::vector<float> positive = result.embedding_a;
    for (float& value : positive) value = 0.0f > value ? 0.0f : value;  // NaN stays
    result.embedding = apply_linear(linear_[1], positive);
  }
  for (const std::size_t picture : keep ? layer_ends_ : std::vector<std::size_t>{}) {
    const Image& image = pictures.images[picture];
    result.layers.push_back({{image.data, image.row(0) + image.rows * image.cols * image.pitch},
                             image.rows,
                             image.cols,
                             image.channels,
                             image.pitch});
  }
  return result;
}

}  // namespace balr
