#include "balr/speech/resnet_config.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

struct Member {
  const char* name;
  bool bottleneck;
  std::array<int, 4> blocks;
};
constexpr std::array kFamily{
    Member{"ResNet18", false, {2, 2, 2, 2}},   Member{"ResNet34", false, {3, 4, 6, 3}},
    Member{"ResNet50", true, {3, 4, 6, 3}},    Member{"ResNet101", true, {3, 4, 23, 3}},
    Member{"ResNet152", true, {3, 8, 36, 3}},  Member{"ResNet221", true, {6, 16, 48, 3}},
    Member{"ResNet293", true, {10, 20, 64, 3}},
};
constexpr const char* kNames = "ResNet18, ResNet34, ResNet50, ResNet101, ResNet152, ResNet221 and ResNet293";
// Larger ones are taken for damage: a layer's weights would not fit into memory.
constexpr std::int64_t kMaxWidth = 1 << 16;

const Member* find(const std::string& name) {
  const auto found = std::find_if(kFamily.begin(), kFamily.end(), [&](const Member& m) { return m.name == name; });
  return found == kFamily.end() ? nullptr : &*found;
}

const Member& member(const std::string& name) {
  check_resnet_name(name);
  return *find(name);
}

template <class T>
T value_of(const YAML::Node& node, const std::string& key, const char* what) {
  try {
    return node.as<T>();
  } catch (const YAML::Exception&) {
    throw DataError("model_args." + key + " is not " + what);
  }
}

std::int64_t width_of(const YAML::Node& node, const std::string& key) {
  const auto width = value_of<std::int64_t>(node, key, "a whole number");
  if (width < 1 || width > kMaxWidth) throw DataError("model_args." + key + " is not from 1 to " + std::to_string(kMaxWidth));
  return width;
}

void set_argument(ResnetConfig& config, const std::string& key, const YAML::Node& node) {
  if (key == "feat_dim") {
    config.feat_dim = width_of(node, key);
  } else if (key == "embed_dim") {
    config.embed_dim = width_of(node, key);
  } else if (key == "two_emb_layer") {
    config.two_emb_layer = value_of<bool>(node, key, "true or false");
  } else if (key == "pooling_func") {
    config.pooling = value_of<std::string>(node, key, "text");
    if (config.pooling != "TSTP" && config.pooling != "TAP" && config.pooling != "TSDP")
      throw DataError("its pooling is " + config.pooling + ", and only TSTP, TAP and TSDP are supported; take another model");
  } else {
    throw DataError("model_args." + key + " is no argument of a ResNet");
  }
}

ResnetConfig parse(const YAML::Node& root) {
  if (!root.IsMap() || !root["model"] || !root["model"].IsScalar())
    throw DataError("it has no key `model`, so it is not WeSpeaker's configuration");
  ResnetConfig config;
  config.name = root["model"].as<std::string>();
  if (!find(config.name))
    throw DataError("its model is " + config.name + ", and only " + kNames + " are supported; take another model");
  const YAML::Node arguments = root["model_args"];
  if (!arguments || !arguments.IsMap() || !arguments["feat_dim"] || !arguments["embed_dim"])
    throw DataError("it has no model_args with feat_dim and embed_dim");
  config.two_emb_layer = true;  // WeSpeaker's default where the key is absent
  for (const auto& argument : arguments)
    set_argument(config, argument.first.as<std::string>(), argument.second);
  if (config.feat_dim % 8 != 0)
    throw DataError("model_args.feat_dim is " + std::to_string(config.feat_dim) + ", not a multiple of 8");
  return config;
}

}  // namespace

bool ResnetConfig::bottleneck() const { return member(name).bottleneck; }
std::array<int, 4> ResnetConfig::blocks() const { return member(name).blocks; }

void check_resnet_name(const std::string& name) {
  if (!find(name)) throw ConfigError("there is no encoder " + name + "; take one of " + kNames);
}

ResnetConfig read_resnet_config(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  try {
    return parse(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw DataError("cannot use the model configuration " + file.string() + ": it is broken YAML (line " +
                    std::to_string(error.mark.line + 1) + "); copy the file again");
  } catch (const DataError& error) {
    throw DataError("cannot use the model configuration " + file.string() + ": " + error.what());
  }
}

std::string to_yaml(const ResnetConfig& config) {
  return "model: " + config.name + "\nmodel_args:\n  embed_dim: " + std::to_string(config.embed_dim) +
         "\n  feat_dim: " + std::to_string(config.feat_dim) +
         "\n  pooling_func: " + config.pooling + "\n  two_emb_layer: " + (config.two_emb_layer ? "true" : "false") + "\n";
}

}  // namespace balr
