#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace balr {

// What a model's config.yaml says (WeSpeaker's training dump; other keys are ignored).
struct ResNetConfig {
  std::string model = "ResNet34";
  std::int64_t feat_dim = 80, embed_dim = 256;
  bool two_emb_layer = false;
};

// Throws DataError naming file and key: not of the ResNet family, another pooling than TSTP.
ResNetConfig read_resnet_config(const std::string& file);

// One convolution with its batch norm: kernel x kernel, padding kernel / 2, no bias of its own.
struct ConvSpec {
  std::string conv, bn;  // names in the state dict, e.g. layer1.0.conv1 and layer1.0.bn1
  std::int64_t in = 0, out = 0, kernel = 0, stride = 1;
  std::size_t index = 0;  // position in ResNetPlan::convolutions()
};

struct BlockSpec {
  std::vector<ConvSpec> convs;  // 2 (basic) or 3 (bottleneck)
  std::optional<ConvSpec> shortcut;
};

// The layers of a WeSpeaker ResNet (18, 34: basic blocks; 50, 101, 152, 221, 293: bottlenecks), in state-dict order.
struct ResNetPlan {
  ResNetConfig config;
  ConvSpec stem;
  std::vector<std::vector<BlockSpec>> layers;  // 4
  std::int64_t stats_dim = 0;                  // input of seg_1: 2 * channels * (feat_dim / 8)

  explicit ResNetPlan(const ResNetConfig& config);  // throws DataError for an unknown depth
  std::vector<const ConvSpec*> convolutions() const;
};

}  // namespace balr
