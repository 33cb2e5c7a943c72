#include "speech/resnet_plan.hpp"

namespace balr {
namespace {

constexpr std::int64_t kStemChannels = 32;

class Planner {
 public:
  explicit Planner(const ResnetConfig& config) : bottleneck_(config.bottleneck()) {
    add("conv1", "bn1", 1, kStemChannels, 3, 1);
    const auto blocks = config.blocks();
    for (std::size_t layer = 0; layer < blocks.size(); ++layer) {
      plan_.layers.emplace_back();
      for (int block = 0; block < blocks[layer]; ++block)
        add_block("layer" + std::to_string(layer + 1) + "." + std::to_string(block) + ".", kStemChannels << layer,
                  layer > 0 && block == 0 ? 2 : 1);
    }
    plan_.pooled = 2 * channels_ * (config.feat_dim / 8);
  }

  ResnetPlan take() { return std::move(plan_); }

 private:
  std::size_t add(std::string conv, std::string norm, std::int64_t in, std::int64_t out, std::int64_t kernel,
                  std::int64_t stride) {
    plan_.units.push_back({std::move(conv), std::move(norm), in, out, kernel, stride});
    channels_ = out;
    return plan_.units.size() - 1;
  }

  void add_block(const std::string& name, std::int64_t base, std::int64_t stride) {
    const std::int64_t in = channels_, out = bottleneck_ ? 4 * base : base;
    BlockPlan block{{}, std::nullopt, stride};
    const auto next = [&](std::int64_t width, std::int64_t kernel, std::int64_t by) {
      const std::string number = std::to_string(block.units.size() + 1);
      block.units.push_back(add(name + "conv" + number, name + "bn" + number, channels_, width, kernel, by));
    };
    if (bottleneck_) {
      next(base, 1, 1);
      next(base, 3, stride);
      next(out, 1, 1);
    } else {
      next(base, 3, stride);
      next(base, 3, 1);
    }
    if (stride != 1 || in != out) block.shortcut = add(name + "shortcut.0", name + "shortcut.1", in, out, 1, stride);
    plan_.layers.back().push_back(std::move(block));
  }

  bool bottleneck_;
  std::int64_t channels_ = 0;
  ResnetPlan plan_;
};

}  // namespace

ResnetPlan make_resnet_plan(const ResnetConfig& config) { return Planner(config).take(); }

TensorShapes resnet_tensors(const ResnetConfig& config) {
  const ResnetPlan plan = make_resnet_plan(config);
  TensorShapes tensors;
  for (const ConvUnit& unit : plan.units) {
    tensors.push_back({unit.conv + ".weight", {unit.out_channels, unit.in_channels, unit.kernel, unit.kernel}});
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"})
      tensors.push_back({unit.norm + part, {unit.out_channels}});
  }
  tensors.push_back({"seg_1.weight", {config.embed_dim, config.pooling == "TSTP" ? plan.pooled : plan.pooled / 2}});
  tensors.push_back({"seg_1.bias", {config.embed_dim}});
  if (config.two_emb_layer) {
    tensors.push_back({"seg_bn_1.running_mean", {config.embed_dim}});
    tensors.push_back({"seg_bn_1.running_var", {config.embed_dim}});
    tensors.push_back({"seg_2.weight", {config.embed_dim, config.embed_dim}});
    tensors.push_back({"seg_2.bias", {config.embed_dim}});
  }
  return tensors;
}

}  // namespace balr
