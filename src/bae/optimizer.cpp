#include "bae/optimizer.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "balr/core/error.hpp"

namespace balr {

Optimizer::Optimizer(const Autoencoder& model, double learning_rate, StepOps& ops)
    : places_(parameter_places(model.shape())),
      learning_rate_(learning_rate),
      ops_(ops),
      gradients_(at::zeros_like(model.flat())),
      moments_{at::zeros_like(gradients_), at::zeros_like(gradients_),
               at::zeros({}, gradients_.options().dtype(at::kDouble))} {
  for (int rank = 0; rank < ops.size(); ++rank) {
    std::vector<Range>& ranges = owned_.emplace_back();
    for (const ParameterPlace& place : places_) {
      const Range features = ops.features(place.outputs, rank);
      ranges.push_back({place.offset + features.begin * place.row_size(),
                        place.offset + features.end * place.row_size()});
    }
  }
}

at::Tensor Optimizer::gradient(std::string_view name) const {
  const auto place =
      std::find_if(places_.begin(), places_.end(), [&](const auto& p) { return p.name == name; });
  BALR_CHECK(place != places_.end());
  const at::Tensor part = gradients_.narrow(0, place->offset, place->size());
  return place->inputs == 0 ? part : part.view({place->outputs, place->inputs});
}

at::Tensor Optimizer::update(const Autoencoder& model, const at::Tensor& loss) {
  const std::vector<Range>& own = owned_[static_cast<std::size_t>(ops_.rank())];
  const at::Tensor allowed = ops_.update_allowed(gradients_, own, loss);
  ops_.adam(model.flat(), gradients_, moments_, own, learning_rate_, allowed);
  const at::Tensor flats[] = {model.flat()};
  ops_.share(flats, owned_, "weights");
  return allowed;
}

StateDict Optimizer::named_moments() const {
  StateDict named = {{"step", moments_.step}};
  for (const auto& [prefix, flat] :
       {std::pair{"exp_avg.", moments_.exp_avg}, {"exp_avg_sq.", moments_.exp_avg_sq}})
    for (const ParameterPlace& place : places_) {
      const at::Tensor part = flat.narrow(0, place.offset, place.size());
      named.emplace_back(prefix + place.name,
                         place.inputs == 0 ? part : part.view({place.outputs, place.inputs}));
    }
  return named;
}

StateDict Optimizer::gather_state() {
  const at::Tensor flats[] = {moments_.exp_avg, moments_.exp_avg_sq};
  ops_.share(flats, owned_, "optimizer state");
  StateDict state = named_moments();
  for (auto& [name, tensor] : state)
    tensor = tensor.to(at::kCPU, tensor.scalar_type(), false, /*copy=*/true);
  return state;
}

void Optimizer::load_state(const StateDict& state) {
  for (auto& [name, tensor] : named_moments()) {
    const auto found = std::find_if(state.begin(), state.end(),
                                    [&, &n = name](const auto& s) { return s.first == n; });
    if (found == state.end() || found->second.sizes() != tensor.sizes())
      throw DataError("the optimizer's state lacks " + name +
                      " in the model's shape; start the training anew with --no-resume");
    tensor.copy_(found->second);
  }
}

}  // namespace balr
