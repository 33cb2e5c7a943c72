#include "train/hyper_parameters.hpp"

namespace balr {
namespace {

const char* name_of(TripletType type) {
  switch (type) {
    case TripletType::kAll: return "all";
    case TripletType::kHard: return "hard";
    case TripletType::kSemihard: return "semihard";
    case TripletType::kEasy: return "easy";
  }
  return "";
}

const char* name_of(Schedule schedule) {
  switch (schedule) {
    case Schedule::kConstant: return "constant";
    case Schedule::kCosine: return "cosine";
    case Schedule::kStep: return "step";
  }
  return "";
}

void add_losses(const LossSettings& losses, std::vector<HyperParameter>& to) {
  const std::string prefix = "trainer.losses.";
  if (losses.mse_weight) to.push_back({prefix + "mse.weight", *losses.mse_weight});
  if (const auto& triplet = losses.triplet) {
    to.push_back({prefix + "triplet.weight", triplet->weight});
    to.push_back({prefix + "triplet.margin", triplet->margin});
    to.push_back({prefix + "triplet.loss_margin", triplet->loss_margin});
    to.push_back({prefix + "triplet.type_of_triplets", std::string(name_of(triplet->type))});
  }
  if (losses.sparsity) to.push_back({prefix + "sparsity.weight", losses.sparsity->weight});
  if (const auto& arcface = losses.arcface) {
    to.push_back({prefix + "arcface.weight", arcface->weight});
    to.push_back({prefix + "arcface.margin", arcface->margin});
    to.push_back({prefix + "arcface.type_of_triplets", std::string(name_of(arcface->type))});
  }
}

}  // namespace

std::vector<HyperParameter> hyper_parameters(const TrainSettings& s) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  std::vector<HyperParameter> out = {
      {"trainer.learning_rate", s.learning_rate.rate},
      {"trainer.schedule", std::string(name_of(s.learning_rate.schedule))},
      {"trainer.warmup_steps", number(s.learning_rate.warmup_steps)},
      {"trainer.clip_norm", s.clip_norm},
      {"trainer.epochs", number(s.epochs)},
      {"trainer.internal_dim", number(s.internal_dim)},
      {"trainer.seed", number(s.seed)},
      {"data.batch_size", number(s.batch_size)},
      {"data.N_classes_per_batch", number(s.classes_per_batch)},
      {"data.M_samples_per_class", number(s.samples_per_class)},
      {"data.sampler", s.sampler},
      {"data.shuffle", s.shuffle}};
  add_losses(s.losses, out);
  return out;
}

}  // namespace balr
