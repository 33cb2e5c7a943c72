#include "speech/resnet_weights.hpp"

#include <ATen/ATen.h>

#include <set>
#include <cmath>
#include <span>
#include <string_view>

#include "balr/core/error.hpp"
#include "balr/core/pickle_machine.hpp"

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

// "a, b, c, d, e and 7 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i ? ", " : "") + names[i];
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more" : text;
}

void check_names(const ResnetConfig& config, const TensorShapes& expected, const Named& given) {
  std::vector<std::string> missing, unexpected;
  std::set<std::string> known;
  for (const auto& [name, shape] : expected) {
    known.insert(name);
    if (!given.contains(name)) missing.push_back(name);
  }
  for (const auto& [name, tensor] : given)
    if (!known.contains(name)) unexpected.push_back(printable_name(name));
  if (missing.empty() && unexpected.empty()) return;
  std::string text = "the weights are not those of " + config.name + ": ";
  if (!missing.empty()) text += "they lack " + some_of(missing);
  if (!unexpected.empty()) text += std::string(missing.empty() ? "" : "; ") + "they have " + some_of(unexpected) + ", unknown there";
  throw DataError(text + "; check model and model_args in the model's configuration");
}

// The expected tensors in double; everything else is an error.
Named check_tensors(const ResnetConfig& config, const StateDict& weights) {
  Named given;
  for (const auto& [name, tensor] : weights) {
    const std::string plain = plain_name(name);
    if (!ignored(plain) && !given.emplace(plain, tensor).second)
      throw DataError("the weights name the tensor " + printable_name(plain) + " twice");
  }
  const TensorShapes expected = resnet_tensors(config);
  check_names(config, expected, given);
  Named checked;
  for (const auto& [name, shape] : expected) {
    const at::Tensor& tensor = given.at(name);
    if (tensor.sizes() != at::IntArrayRef(shape) || !at::isFloatingType(tensor.scalar_type()))
      throw DataError("the tensor " + name + " of the weights does not fit " + config.name +
                      "; check model_args in the model's configuration");
    at::Tensor value = tensor.to(at::kCPU, at::kDouble);
    if (!at::isfinite(value).all().item<bool>())
      throw DataError("the tensor " + name + " of the weights has values that are not finite; take another file");
    checked.emplace(name, std::move(value));
  }
  return checked;
}

at::Tensor deviation(const Named& tensors, const std::string& norm) {
  const at::Tensor& variance = tensors.at(norm + ".running_var");
  if (variance.min().item<double>() < 0) throw DataError("the tensor " + norm + ".running_var of the weights is negative; take another file");
  // Not ATen's root: it may be MKL's, whose last bit depends on the processor.
  at::Tensor out = variance.clone(at::MemoryFormat::Contiguous);
  for (double& value : std::span(out.mutable_data_ptr<double>(), static_cast<std::size_t>(out.numel())))
    value = std::sqrt(value + kNormEps);
  return out;
}

// weight x vector, added in order: the same bytes on any processor.
at::Tensor times(const at::Tensor& weight, const at::Tensor& vector) {
  at::Tensor out = at::zeros({weight.size(0)}, at::kDouble);
  const at::Tensor rows = weight.contiguous(), values = vector.contiguous();
  for (std::int64_t i = 0; i < weight.size(0); ++i)
    for (std::int64_t j = 0; j < weight.size(1); ++j)
      out.mutable_data_ptr<double>()[i] +=
          rows.const_data_ptr<double>()[i * weight.size(1) + j] * values.const_data_ptr<double>()[j];
  return out;
}

Affine fold_convolution(const Named& tensors, const ConvUnit& unit) {
  const at::Tensor scale = tensors.at(unit.norm + ".weight") / deviation(tensors, unit.norm);
  return {tensors.at(unit.conv + ".weight") * scale.view({-1, 1, 1, 1}),
          tensors.at(unit.norm + ".bias") - tensors.at(unit.norm + ".running_mean") * scale};
}

// The network pools mean and deviation always; a layer that takes one of them has no weight for the other.
at::Tensor weight_of_both(const ResnetConfig& config, const at::Tensor& weight) {
  if (config.pooling == "TAP") return at::cat({weight, at::zeros_like(weight)}, 1);
  if (config.pooling == "TSDP") return at::cat({at::zeros_like(weight), weight}, 1);
  return weight;
}

// seg_2(seg_bn_1(x)); the norm has no weight and bias of its own.
Affine fold_second_layer(const Named& tensors) {
  const at::Tensor weight = tensors.at("seg_2.weight") / deviation(tensors, "seg_bn_1");
  return {weight, tensors.at("seg_2.bias") - times(weight, tensors.at("seg_bn_1.running_mean"))};
}

}  // namespace

FoldedResnet fold_resnet(const ResnetConfig& config, const ResnetPlan& plan, const StateDict& weights) {
  const Named tensors = check_tensors(config, weights);
  FoldedResnet folded;
  for (const ConvUnit& unit : plan.units) folded.convolutions.push_back(fold_convolution(tensors, unit));
  folded.seg_1 = {weight_of_both(config, tensors.at("seg_1.weight")), tensors.at("seg_1.bias")};
  if (config.two_emb_layer) folded.seg_2 = fold_second_layer(tensors);
  return folded;
}

}  // namespace balr
