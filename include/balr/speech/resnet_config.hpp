#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace balr {

// Which network of WeSpeaker's ResNet family.
struct ResnetConfig {
  std::string name = "ResNet34";
  std::int64_t feat_dim = 80;    // mel bins; a multiple of 8
  std::int64_t embed_dim = 256;  // numbers of an embedding
  std::string pooling = "TSTP";  // over time: TSTP mean and deviation, TAP mean, TSDP deviation
  bool two_emb_layer = false;    // a second linear layer behind the pooling

  bool bottleneck() const;              // three convolutions per block instead of two
  std::array<int, 4> blocks() const;    // of layer1 to layer4
};

// ResNet18, 34, 50, 101, 152, 221, 293. Throws ConfigError that lists them for another name.
void check_resnet_name(const std::string& name);

// Reads `model` and `model_args` of WeSpeaker's config.yaml. Throws DataError that names the file and the key: for
// broken YAML, another encoder or pooling, an unknown argument or one of the wrong type.
ResnetConfig read_resnet_config(const std::filesystem::path& file);

// In WeSpeaker's form, as read_resnet_config reads it.
std::string to_yaml(const ResnetConfig& config);

}  // namespace balr
