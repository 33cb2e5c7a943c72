#include "balr/bae/autoencoder.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr const char* kLayers[] = {"encoder.0", "encoder.3", "decoder.0",
                                   "decoder.2"};  // in the order of creation

at::Tensor view_of(const at::Tensor& flat, const ParameterPlace& place) {
  const at::Tensor part = flat.narrow(0, place.offset, place.size());
  return place.inputs == 0 ? part : part.view({place.outputs, place.inputs});
}

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::map<std::string, at::Tensor> by_name(const StateDict& tensors) {
  constexpr std::string_view kPrefix = "module.";
  std::map<std::string, at::Tensor> found;
  for (const auto& [name, tensor] : tensors)
    if (!found.emplace(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name, tensor)
             .second)
      throw DataError("the auto-encoder's file holds " + name + " twice; save the model again");
  return found;
}

AutoencoderShape shape_of(const std::map<std::string, at::Tensor>& tensors) {
  const auto first = tensors.find("encoder.0.weight");
  if (first == tensors.end() || first->second.dim() != 2)
    throw DataError(
        "no tensor encoder.0.weight with two dimensions: this file is not a binary attribute "
        "auto-encoder; "
        "give one that `balr train` wrote (last.pt or best.pt)");
  return {first->second.size(1), first->second.size(0)};
}

// Throws unless the names are exactly those of `expected`, with its shapes.
void check_tensors(const std::map<std::string, at::Tensor>& tensors, const StateDict& expected) {
  std::string wrong;
  for (const auto& [name, tensor] : expected) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      wrong += "; " + name + " is missing";
    else if (found->second.sizes() != tensor.sizes())
      wrong += "; " + name + " is " + shape_text(found->second) + ", not " + shape_text(tensor);
  }
  for (const auto& [name, tensor] : tensors)
    if (std::none_of(expected.begin(), expected.end(),
                     [&, &n = name](const auto& e) { return e.first == n; }))
      wrong += "; " + name + " is unexpected";
  if (!wrong.empty())
    throw DataError("these are not the tensors of a binary attribute auto-encoder" + wrong +
                    ". Give a file that `balr train` or the Python balr wrote");
}

}  // namespace

std::vector<ParameterPlace> parameter_places(const AutoencoderShape& shape) {
  const std::int64_t d = shape.input_dim, h = shape.internal_dim;
  std::vector<ParameterPlace> places = {{"encoder.0.weight", 0, h, d}, {"encoder.0.bias", 0, h, 0},
                                        {"encoder.2.weight", 0, h, 0}, {"encoder.2.bias", 0, h, 0},
                                        {"encoder.3.weight", 0, h, h}, {"encoder.3.bias", 0, h, 0},
                                        {"decoder.0.weight", 0, h, h}, {"decoder.0.bias", 0, h, 0},
                                        {"decoder.2.weight", 0, d, h}, {"decoder.2.bias", 0, d, 0}};
  for (std::size_t i = 1; i < places.size(); ++i)
    places[i].offset = places[i - 1].offset + places[i - 1].size();
  return places;
}

Autoencoder::Autoencoder(const AutoencoderShape& shape)
    : shape_(shape), places_(parameter_places(shape)) {
  if (shape.input_dim < 1 || shape.internal_dim < 1)
    throw ConfigError("trainer.input_dim and trainer.internal_dim must be at least 1");
  flat_ = at::zeros({places_.back().offset + places_.back().size()}, at::kFloat);
  running_mean_ = at::zeros({shape.internal_dim}, at::kFloat);
  running_var_ = at::ones({shape.internal_dim}, at::kFloat);
  batches_tracked_ = at::zeros({}, at::kLong);
  parameter("encoder.2.weight").fill_(1.0);
}

Autoencoder Autoencoder::random(const AutoencoderShape& shape, at::Generator& generator) {
  Autoencoder model(shape);
  for (const std::string layer : kLayers) {
    at::Tensor weight = model.parameter(layer + ".weight");
    const double fan_in = static_cast<double>(weight.size(1));
    // kaiming_uniform_(a = sqrt(5)), computed as PyTorch's Linear does, rounding included
    const double bound = std::sqrt(3.0) * (std::sqrt(2.0 / (1.0 + 5.0)) / std::sqrt(fan_in));
    weight.uniform_(-bound, bound, generator);
    model.parameter(layer + ".bias")
        .uniform_(-1.0 / std::sqrt(fan_in), 1.0 / std::sqrt(fan_in), generator);
  }
  for (const std::string layer : kLayers) {
    at::Tensor weight = model.parameter(layer + ".weight");
    weight.normal_(0.0, std::sqrt(2.0) / std::sqrt(static_cast<double>(weight.size(1))), generator);
  }
  return model;
}

Autoencoder Autoencoder::random(const AutoencoderShape& shape, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return random(shape, generator);
}

Autoencoder Autoencoder::from_state_dict(const StateDict& tensors) {
  const auto named = by_name(tensors);
  Autoencoder model(shape_of(named));
  check_tensors(named, model.state_dict());
  for (auto& [name, tensor] : model.state_dict()) tensor.copy_(named.at(name));
  return model;
}

Autoencoder::Autoencoder(const Autoencoder& other)
    : shape_(other.shape_),
      places_(other.places_),
      flat_(other.flat_.clone()),
      running_mean_(other.running_mean_.clone()),
      running_var_(other.running_var_.clone()),
      batches_tracked_(other.batches_tracked_.clone()) {}

Autoencoder& Autoencoder::operator=(const Autoencoder& other) { return *this = Autoencoder(other); }

Autoencoder Autoencoder::to(const at::Device& device) const {
  Autoencoder copy = *this;
  for (at::Tensor* tensor :
       {&copy.flat_, &copy.running_mean_, &copy.running_var_, &copy.batches_tracked_})
    *tensor = tensor->to(device);
  return copy;
}

StateDict Autoencoder::state_dict() const {
  StateDict tensors;
  for (const ParameterPlace& place : places_) {
    tensors.emplace_back(place.name, view_of(flat_, place));
    if (place.name == "encoder.2.bias") {
      tensors.emplace_back("encoder.2.running_mean", running_mean_);
      tensors.emplace_back("encoder.2.running_var", running_var_);
      tensors.emplace_back("encoder.2.num_batches_tracked", batches_tracked_);
    }
  }
  return tensors;
}

at::Tensor Autoencoder::parameter(std::string_view name) const {
  for (const ParameterPlace& place : places_)
    if (place.name == name) return view_of(flat_, place);
  throw InternalError("the auto-encoder has no parameter " + std::string(name));
}

}  // namespace balr
