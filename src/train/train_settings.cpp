#include "balr/train/train_settings.hpp"

#include <cmath>
#include <limits>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

std::int64_t at_least(const Config& config, const std::string& key, std::int64_t least) {
  const std::int64_t value = config.integer(key);
  if (value < least)
    throw ConfigError(key + "=" + std::to_string(value) + " is too small: it must be at least " +
                      std::to_string(least));
  return value;
}

double finite(const Config& config, const std::string& key) {
  const double value = config.real(key);
  if (!std::isfinite(value)) throw ConfigError(key + " must be a finite number");
  return value;
}

double positive(const Config& config, const std::string& key) {
  const double value = config.real(key);
  if (!std::isfinite(value) || value <= 0)
    throw ConfigError(key + "=" + std::to_string(value) +
                      " is not possible: it must be a positive number");
  return value;
}

double share(const Config& config, const std::string& key) {
  const double value = config.real(key);
  if (!(value >= 0 && value <= 1))
    throw ConfigError(key + "=" + std::to_string(value) +
                      " is not possible: it must be between 0 and 1");
  return value;
}

TripletType type_of(const Config& config, const std::string& loss) {
  const std::string key = loss + "type_of_triplets";
  try {
    return triplet_type(config.text(key));
  } catch (const ConfigError&) {
    throw ConfigError(key + "=" + config.text(key) +
                      " is unknown; use all, hard, semihard or easy");
  }
}

LossSettings loss_settings(const Config& config, const TrainSettings& of) {
  const std::string mse = "trainer.losses.mse.", triplet = "trainer.losses.triplet.",
                    sparsity = "trainer.losses.sparsity.", arcface = "trainer.losses.arcface.";
  const auto selected = [&](const std::string& loss) {
    return config.has(loss.substr(0, loss.size() - 1));
  };
  LossSettings out;
  out.mse_weight.reset();
  if (selected(mse)) out.mse_weight = finite(config, mse + "weight");
  if (selected(triplet))
    out.triplet = {finite(config, triplet + "weight"), finite(config, triplet + "margin"),
                   type_of(config, triplet), positive(config, triplet + "loss_margin")};
  if (selected(sparsity))
    out.sparsity = {finite(config, sparsity + "weight"), of.samples_per_class, of.seed,
                    config.text(sparsity + "mode") != "reference"};
  if (selected(arcface))
    out.arcface = {finite(config, arcface + "weight"), finite(config, arcface + "margin"),
                   type_of(config, arcface), 0};
  if (out.names().empty())
    throw ConfigError("no loss is selected: train with 'trainer.losses=[mse]', or others");
  return out;
}

RateSettings rate_settings(const Config& config) {
  RateSettings out;
  out.rate = positive(config, "trainer.learning_rate");
  const std::string schedule = config.text("trainer.schedule");
  out.schedule = schedule == "cosine" ? Schedule::kCosine
                 : schedule == "step" ? Schedule::kStep
                                      : Schedule::kConstant;
  out.warmup_steps = at_least(config, "trainer.warmup_steps", 0);
  out.final_share = share(config, "trainer.schedule_final");
  out.step_epochs = at_least(config, "trainer.schedule_epochs", 1);
  out.step_factor = share(config, "trainer.schedule_factor");
  return out;
}

// Batches that the losses and the data loader cannot take.
void check_batches(const TrainSettings& s) {
  constexpr std::int64_t kMostPairedRows = std::numeric_limits<std::int16_t>::max();
  if ((s.losses.triplet || s.losses.arcface) && s.batch_size > kMostPairedRows)
    throw ConfigError("data.batch_size=" + std::to_string(s.batch_size) +
                      " is too large: the triplet and ArcFace losses compare all rows of a batch, at "
                      "most 32767");
  if (s.losses.sparsity && s.seed > std::numeric_limits<std::uint32_t>::max())
    throw ConfigError(
        "trainer.seed is too large for the sparsity loss's targets: it must be below 4294967296");
  if (s.losses.sparsity && (s.sampler.empty() || s.sampler == "null"))
    throw ConfigError(
        "the sparsity loss needs each speaker's rows in groups of data.M_samples_per_class: leave "
        "data.sampler at an N x M sampler, or leave the sparsity loss out");
}

}  // namespace

std::vector<std::string> LossSettings::names() const {
  std::vector<std::string> names;
  if (mse_weight) names.push_back("MSE");
  if (triplet) names.push_back("Triplet");
  if (sparsity) names.push_back("Sparsity");
  if (arcface) names.push_back("ArcFace");
  return names;
}

std::vector<double> LossSettings::weights() const {
  std::vector<double> weights;
  if (mse_weight) weights.push_back(*mse_weight);
  if (triplet) weights.push_back(triplet->weight);
  if (sparsity) weights.push_back(sparsity->weight);
  if (arcface) weights.push_back(arcface->weight);
  return weights;
}

TrainSettings train_settings(const Config& config) {
  TrainSettings out;
  out.input_dim = at_least(config, "trainer.input_dim", 1);
  out.internal_dim = at_least(config, "trainer.internal_dim", 1);
  out.learning_rate = rate_settings(config);
  out.clip_norm = finite(config, "trainer.clip_norm");
  if (out.clip_norm < 0) throw ConfigError("trainer.clip_norm must be 0 (no clipping) or positive");
  out.epochs = at_least(config, "trainer.epochs", 1);
  out.early_stopping = at_least(config, "trainer.early_stopping", 0);
  out.seed = static_cast<std::uint64_t>(at_least(config, "trainer.seed", 0));
  out.save_period = at_least(config, "trainer.save_period", 0);
  out.log_period = at_least(config, "trainer.log_period", 0);
  out.val_period = at_least(config, "trainer.val_period", 0);
  out.batch_size = at_least(config, "data.batch_size", 2);
  out.classes_per_batch = at_least(config, "data.N_classes_per_batch", 1);
  out.samples_per_class = at_least(config, "data.M_samples_per_class", 1);
  out.sampler = config.optional_text("data.sampler").value_or("");
  out.shuffle = config.flag("data.shuffle");
  out.drop_last = config.flag("data.drop_last");
  out.sampler_rng = config.text("data.sampler_rng");
  out.batch_mode = config.text("trainer.batch_mode") == "per_rank" ? BatchMode::kPerRank
                                                                   : BatchMode::kGlobal;
  out.validation =
      config.text("trainer.validation") == "sampled" ? Validation::kSampled : Validation::kFull;
  const std::string canonical = config.text("trainer.canonical_sums");
  if (canonical != "auto") out.canonical_sums = canonical == "true";
  out.tf32 = config.text("trainer.precision") == "tf32";
  out.cuda_graph = config.flag("trainer.cuda_graph");
  out.checkpoint_seconds = positive(config, "trainer.checkpoint_seconds");
  out.num_threads = at_least(config, "num_threads", 0);
  out.watchdog_seconds = positive(config, "watchdog_seconds");
  out.losses = loss_settings(config, out);
  check_batches(out);
  return out;
}

}  // namespace balr
