#include "bae/optimizer.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "bae/large_floats.hpp"
#include "balr/core/error.hpp"

namespace balr {

Optimizer::Optimizer(const Autoencoder& model, std::vector<Head> heads, StepOps& ops) : ops_(ops) {
  add_part(model.flat(), parameter_places(model.shape()), false);
  for (Head& head : heads) add_part(head.value.view({-1}), {head.place}, true);
  const Part& last = parts_.back();
  const std::int64_t size = last.offset + last.parameters.numel();
  for (at::Tensor* flat : {&gradients_, &first_, &second_})
    *flat = large_floats(size, model.flat().options()).zero_();
  step_ = at::zeros({}, gradients_.options().dtype(at::kDouble));
}

void Optimizer::add_part(at::Tensor parameters, std::vector<ParameterPlace> places, bool is_head) {
  Part part{std::move(parameters), 0, std::move(places), {}, is_head};
  if (!parts_.empty()) part.offset = parts_.back().offset + parts_.back().parameters.numel();
  for (int rank = 0; rank < ops_.size(); ++rank) {
    std::vector<Range>& ranges = part.owned.emplace_back();
    for (const ParameterPlace& place : part.places) {
      const Range features = ops_.features(place.outputs, rank);
      ranges.push_back({place.offset + features.begin * place.row_size(),
                        place.offset + features.end * place.row_size()});
    }
  }
  parts_.push_back(std::move(part));
}

at::Tensor Optimizer::of(const at::Tensor& flat, const Part& part,
                         const ParameterPlace& place) const {
  const at::Tensor values = flat.narrow(0, part.offset + place.offset, place.size());
  return place.inputs == 0 ? values : values.view({place.outputs, place.inputs});
}

at::Tensor Optimizer::gradient(std::string_view name) const {
  for (const ParameterPlace& place : parts_[0].places)
    if (place.name == name) return of(gradients_, parts_[0], place);
  throw InternalError("the auto-encoder has no parameter " + std::string(name));
}

at::Tensor Optimizer::head_gradient(std::size_t head) const {
  const Part& part = parts_[head + 1];
  return of(gradients_, part, part.places[0]);
}

at::Tensor Optimizer::gradient_norm() {
  if (ops_.holds_all_gradients())
    return at::linalg_vector_norm(gradients_, 2, std::nullopt, false, at::kDouble);
  std::vector<at::Tensor> sums;
  std::vector<std::int64_t> outputs;
  for (const Part& part : parts_)
    for (const ParameterPlace& place : part.places) {
      const Range own = ops_.features(place.outputs, ops_.rank());
      sums.push_back(ops_.square_sums(of(gradients_, part, place)
                                          .view({place.outputs, place.row_size()})
                                          .narrow(0, own.begin, own.size())));
      outputs.push_back(place.outputs);
    }
  return ops_.root_of_features(sums, outputs, "gradient norm");
}

void Optimizer::clip(const at::Tensor& norm, double limit) {
  // As torch.nn.utils.clip_grad_norm_.
  const at::Tensor factor = (limit / (norm + 1e-6)).clamp_max(1.0);
  gradients_.mul_(factor.to(at::kFloat));
}

at::Tensor Optimizer::update(const at::Tensor& learning_rate, const at::Tensor& loss) {
  std::vector<AdamPart> parts;
  std::vector<Range> all;
  for (const Part& part : parts_) {
    const std::int64_t size = part.parameters.numel();
    const auto view = [&](const at::Tensor& flat) { return flat.narrow(0, part.offset, size); };
    const std::vector<Range>& own = part.owned[static_cast<std::size_t>(ops_.rank())];
    parts.push_back({part.parameters, view(gradients_), view(first_), view(second_), own});
    for (const Range& range : own)
      all.push_back({part.offset + range.begin, part.offset + range.end});
  }
  const at::Tensor allowed = ops_.update_allowed(gradients_, all, loss);
  ops_.adam(parts, step_, learning_rate, allowed);
  for (const Part& part : parts_) {
    const at::Tensor flats[] = {part.parameters};
    ops_.share(flats, part.owned, "weights");
  }
  return allowed;
}

std::vector<Optimizer::Named> Optimizer::named_state() const {
  std::vector<Named> named = {{"step", step_}};
  for (const auto& [prefix, flat] : {std::pair{"exp_avg.", first_}, {"exp_avg_sq.", second_}})
    for (const Part& part : parts_)
      for (const ParameterPlace& place : part.places) {
        const at::Tensor value = of(flat, part, place);
        named.push_back({prefix + place.name, part.is_head ? value.t() : value});
      }
  for (const Part& part : parts_)
    if (part.is_head) {
      const ParameterPlace& place = part.places[0];
      named.push_back({place.name, part.parameters.view({place.outputs, place.inputs}).t()});
    }
  return named;
}

StateDict Optimizer::gather_state() {
  for (const Part& part : parts_) {
    const std::int64_t size = part.parameters.numel();
    const at::Tensor flats[] = {first_.narrow(0, part.offset, size),
                                second_.narrow(0, part.offset, size)};
    ops_.share(flats, part.owned, "optimizer state");
  }
  ops_.finish("optimizer state");
  StateDict state;
  for (const Named& entry : named_state()) {
    at::Tensor copy = at::empty(entry.value.sizes(), entry.value.options().device(at::kCPU));
    copy.copy_(entry.value);
    state.emplace_back(entry.name, copy);
  }
  return state;
}

void Optimizer::load_state(const StateDict& state) {
  for (const Named& entry : named_state()) {
    const auto found = std::find_if(state.begin(), state.end(),
                                    [&](const auto& s) { return s.first == entry.name; });
    if (found == state.end() || found->second.sizes() != entry.value.sizes())
      throw DataError("the optimizer's state lacks " + entry.name +
                      " in the model's shape; start the training anew with --no-resume");
    entry.value.copy_(found->second);
  }
}

}  // namespace balr
