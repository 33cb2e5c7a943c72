#include "speech/resnet_weights.hpp"

#include <ATen/ATen.h>

#include <string_view>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr double kNormEps = 1e-5;

using Named = std::map<std::string, at::Tensor>;

std::string plain_name(std::string_view name) {
  for (const std::string_view prefix : {"module.", "resnet."})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return std::string(name);
}

bool ignored(std::string_view name) { return name.starts_with("projection.") || name.ends_with(".num_batches_tracked"); }

// The expected tensors in double; everything else is an error.
Named check_tensors(const ResnetConfig& config, const StateDict& weights) {
  Named given;
  for (const auto& [name, tensor] : weights) {
    const std::string plain = plain_name(name);
    if (!ignored(plain) && !given.emplace(plain, tensor).second) throw DataError("the weights name the tensor " + plain + " twice");
  }
  Named checked;
  for (const auto& [name, shape] : resnet_tensors(config)) {
    const auto found = given.find(name);
    if (found == given.end())
      throw DataError("the weights have no tensor " + name + ", which " + config.name + " needs; check the model's configuration");
    const at::Tensor& tensor = found->second;
    if (tensor.sizes() != at::IntArrayRef(shape) || !at::isFloatingType(tensor.scalar_type()))
      throw DataError("the tensor " + name + " of the weights does not fit " + config.name +
                      "; check model_args in the model's configuration");
    at::Tensor value = tensor.to(at::kCPU, at::kDouble);
    if (!at::isfinite(value).all().item<bool>())
      throw DataError("the tensor " + name + " of the weights has values that are not finite; take another file");
    checked.emplace(name, std::move(value));
    given.erase(found);
  }
  if (!given.empty())
    throw DataError("the weights have a tensor " + given.begin()->first + ", which " + config.name +
                    " does not know; check the model's configuration");
  return checked;
}

at::Tensor deviation(const Named& tensors, const std::string& norm) {
  const at::Tensor& variance = tensors.at(norm + ".running_var");
  if (variance.min().item<double>() < 0) throw DataError("the tensor " + norm + ".running_var of the weights is negative; take another file");
  return variance.add(kNormEps).sqrt_();
}

Affine fold_convolution(const Named& tensors, const ConvUnit& unit) {
  const at::Tensor scale = tensors.at(unit.norm + ".weight") / deviation(tensors, unit.norm);
  return {tensors.at(unit.conv + ".weight") * scale.view({-1, 1, 1, 1}),
          tensors.at(unit.norm + ".bias") - tensors.at(unit.norm + ".running_mean") * scale};
}

// seg_2(seg_bn_1(x)); the norm has no weight and bias of its own.
Affine fold_second_layer(const Named& tensors) {
  const at::Tensor weight = tensors.at("seg_2.weight") / deviation(tensors, "seg_bn_1");
  return {weight, tensors.at("seg_2.bias") - weight.mv(tensors.at("seg_bn_1.running_mean"))};
}

}  // namespace

FoldedResnet fold_resnet(const ResnetConfig& config, const ResnetPlan& plan, const StateDict& weights) {
  const Named tensors = check_tensors(config, weights);
  FoldedResnet folded;
  for (const ConvUnit& unit : plan.units) folded.convolutions.push_back(fold_convolution(tensors, unit));
  folded.seg_1 = {tensors.at("seg_1.weight"), tensors.at("seg_1.bias")};
  if (config.two_emb_layer) folded.seg_2 = fold_second_layer(tensors);
  return folded;
}

}  // namespace balr
