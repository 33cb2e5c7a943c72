#include "speech/resnet_plan.hpp"

#include <yaml-cpp/yaml.h>

#include <array>
#include <map>

#include "balr/core/error.hpp"

namespace balr {
namespace {

struct Family {
  bool bottleneck;
  std::array<int, 4> blocks;
};

const Family& family(const std::string& model) {
  static const std::map<std::string, Family> kFamilies = {
      {"ResNet18", {false, {2, 2, 2, 2}}},  {"ResNet34", {false, {3, 4, 6, 3}}},   {"ResNet50", {true, {3, 4, 6, 3}}},
      {"ResNet101", {true, {3, 4, 23, 3}}}, {"ResNet152", {true, {3, 8, 36, 3}}}, {"ResNet221", {true, {6, 16, 48, 3}}},
      {"ResNet293", {true, {10, 20, 64, 3}}}};
  const auto at = kFamilies.find(model);
  if (at == kFamilies.end())
    throw DataError("the model '" + model + "' is not supported: ResNet18, 34, 50, 101, 152, 221 and 293 are");
  return at->second;
}

BlockSpec make_block(const std::string& name, bool bottleneck, std::int64_t in, std::int64_t planes, std::int64_t stride) {
  const std::int64_t out = bottleneck ? 4 * planes : planes;
  const auto spec = [&](int number, std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t step) {
    const std::string digit = std::to_string(number);
    return ConvSpec{name + ".conv" + digit, name + ".bn" + digit, from, to, kernel, step};
  };
  BlockSpec block;
  if (bottleneck) {
    block.convs = {spec(1, in, planes, 1, 1), spec(2, planes, planes, 3, stride), spec(3, planes, out, 1, 1)};
  } else {
    block.convs = {spec(1, in, planes, 3, stride), spec(2, planes, planes, 3, 1)};
  }
  if (stride != 1 || in != out) block.shortcut = ConvSpec{name + ".shortcut.0", name + ".shortcut.1", in, out, 1, stride};
  return block;
}

}  // namespace

ResNetPlan::ResNetPlan(const ResNetConfig& wanted) : config(wanted) {
  const Family& shape = family(config.model);
  stem = {"conv1", "bn1", 1, 32, 3, 1};
  std::int64_t channels = 32;
  for (int layer = 0; layer < 4; ++layer) {
    const std::int64_t planes = std::int64_t{32} << layer;
    layers.emplace_back();
    for (int block = 0; block < shape.blocks[static_cast<std::size_t>(layer)]; ++block) {
      const std::string name = "layer" + std::to_string(layer + 1) + "." + std::to_string(block);
      layers.back().push_back(make_block(name, shape.bottleneck, channels, planes, layer > 0 && block == 0 ? 2 : 1));
      channels = shape.bottleneck ? 4 * planes : planes;
    }
  }
  std::int64_t rows = config.feat_dim;
  for (int i = 0; i < 3; ++i) rows = (rows + 1) / 2;
  stats_dim = 2 * channels * rows;
  std::size_t index = 0;
  for (const ConvSpec* conv : convolutions()) const_cast<ConvSpec*>(conv)->index = index++;
}

std::vector<const ConvSpec*> ResNetPlan::convolutions() const {
  std::vector<const ConvSpec*> out{&stem};
  for (const auto& layer : layers)
    for (const BlockSpec& block : layer) {
      for (const ConvSpec& conv : block.convs) out.push_back(&conv);
      if (block.shortcut) out.push_back(&*block.shortcut);
    }
  return out;
}

ResNetConfig read_resnet_config(const std::string& file) {
  const auto fail = [&](const std::string& what) { throw DataError("the model configuration " + file + " " + what); };
  ResNetConfig out;
  try {
    const YAML::Node root = YAML::LoadFile(file);
    if (!root["model"] || !root["model_args"]) fail("has no keys 'model' and 'model_args'");
    const YAML::Node arguments = root["model_args"];
    out.model = root["model"].as<std::string>();
    out.feat_dim = arguments["feat_dim"].as<std::int64_t>(80);
    out.embed_dim = arguments["embed_dim"].as<std::int64_t>(256);
    out.two_emb_layer = arguments["two_emb_layer"].as<bool>(false);
    const auto pooling = arguments["pooling_func"].as<std::string>("TSTP");
    if (pooling != "TSTP") fail("asks for the pooling " + pooling + "; only TSTP is supported");
    family(out.model);
  } catch (const YAML::Exception& e) {
    fail(std::string("cannot be read: ") + e.what());
  }
  if (out.feat_dim < 8 || out.embed_dim < 1) fail("has a feat_dim below 8 or an embed_dim below 1");
  return out;
}

}  // namespace balr
