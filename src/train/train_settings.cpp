#include "balr/train/train_settings.hpp"

#include <cmath>

#include "balr/core/config.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

std::int64_t at_least(const Config& config, const std::string& key, std::int64_t least) {
  const std::int64_t value = config.integer(key);
  if (value < least)
    throw ConfigError(key + "=" + std::to_string(value) + " is too small: it must be at least " + std::to_string(least));
  return value;
}

double positive(const Config& config, const std::string& key) {
  const double value = config.real(key);
  if (!std::isfinite(value) || value <= 0)
    throw ConfigError(key + "=" + std::to_string(value) + " is not possible: it must be a positive number");
  return value;
}

// The losses that are selected must be implemented, and at least one.
void check_losses(const Config& config) {
  for (const std::string name : {"triplet", "sparsity", "arcface"})
    if (config.has("trainer.losses." + name))
      throw ConfigError("the loss '" + name + "' is not part of this version yet: train with 'trainer.losses=[mse]'");
  if (!config.has("trainer.losses.mse")) throw ConfigError("no loss is selected: train with 'trainer.losses=[mse]'");
}

}  // namespace

TrainSettings train_settings(const Config& config) {
  check_losses(config);
  TrainSettings out;
  out.input_dim = at_least(config, "trainer.input_dim", 1);
  out.internal_dim = at_least(config, "trainer.internal_dim", 1);
  out.learning_rate = positive(config, "trainer.learning_rate");
  out.epochs = at_least(config, "trainer.epochs", 1);
  out.seed = static_cast<std::uint64_t>(at_least(config, "trainer.seed", 0));
  out.save_period = at_least(config, "trainer.save_period", 0);
  out.log_period = at_least(config, "trainer.log_period", 0);
  out.val_period = at_least(config, "trainer.val_period", 0);
  out.mse_weight = config.real("trainer.losses.mse.weight");
  if (!std::isfinite(out.mse_weight)) throw ConfigError("trainer.losses.mse.weight must be a finite number");
  out.batch_size = at_least(config, "data.batch_size", 2);
  out.classes_per_batch = at_least(config, "data.N_classes_per_batch", 1);
  out.samples_per_class = at_least(config, "data.M_samples_per_class", 1);
  out.sampler = config.optional_text("data.sampler").value_or("");
  out.shuffle = config.flag("data.shuffle");
  out.sampler_rng = config.text("data.sampler_rng");
  out.batch_mode = config.text("trainer.batch_mode") == "per_rank" ? BatchMode::kPerRank : BatchMode::kGlobal;
  out.validation = config.text("trainer.validation") == "sampled" ? Validation::kSampled : Validation::kFull;
  const std::string canonical = config.text("trainer.canonical_sums");
  if (canonical != "auto") out.canonical_sums = canonical == "true";
  out.checkpoint_seconds = positive(config, "trainer.checkpoint_seconds");
  out.num_threads = at_least(config, "num_threads", 0);
  out.watchdog_seconds = positive(config, "watchdog_seconds");
  return out;
}

}  // namespace balr
