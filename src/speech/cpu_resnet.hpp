#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "balr/kernels/convolution.hpp"
#include "balr/speech/resnet_config.hpp"
#include "speech/resnet_plan.hpp"
#include "speech/resnet_weights.hpp"
#include "speech/row_schedule.hpp"

namespace balr {

// The network by our own kernels, one utterance at a time: the same bytes on every CPU and from any
// thread. Pictures have time as rows and mel bins as columns. Immutable, so threads share the
// weights.
class CpuResnet {
 public:
  // `winograd`: for the convolutions of 3 x 3 and stride 1 behind the stem.
  CpuResnet(const ResnetConfig& config, const ResnetPlan& plan, const FoldedResnet& folded,
            bool winograd, Path path);

  // A picture kept for tests: [rows][cols][pitch].
  struct Kept {
    std::vector<float> values;
    std::int64_t rows, cols, channels, pitch;
  };
  struct Result {
    std::vector<Kept> layers;    // of the stem and of each layer, if asked for
    std::vector<float> pooling;  // [mean, deviation][mel][channel]
    std::vector<float> embedding_a, embedding;
  };
  // features: [frames][feat_dim].
  Result run(const float* features, std::int64_t frames, bool keep) const;

 private:
  struct PictureShape {
    std::int64_t cols, channels, stride;  // stride: of all convolutions before it
  };
  struct Pictures;

  std::size_t add_picture(std::int64_t channels, std::int64_t stride);
  // node: its pictures `in` and `added`; the output becomes a new picture.
  void add_node(const ConvUnit& unit, const Affine& folded, bool winograd, RowNode node, bool relu);
  std::vector<RowPicture> row_pictures(std::int64_t frames) const;

  std::int64_t feat_dim_;
  Path path_;
  std::vector<PictureShape> shapes_;     // by picture
  std::vector<std::size_t> layer_ends_;  // pictures: of the stem and of each layer
  std::vector<RowNode> nodes_;
  std::vector<bool> relu_;  // by node
  std::vector<Convolution> convolutions_;
  std::vector<Convolution> linear_;  // seg_1, and seg_2 if there is one
};

}  // namespace balr
