#include "train/batches.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr std::uint64_t kPythonSeed = 1234;  // the Python balr's multi-GPU sampler knows no other

// data.sampler holds the Python balr's class path, or the class alone, or nothing (plain shuffling).
SamplerKind sampler_kind(const std::string& name) {
  const std::string type = name.substr(name.rfind('.') + 1);
  if (type.empty() || type == "null") return SamplerKind::kShuffle;
  if (type == "RandomNxMSampler") return SamplerKind::kRandomNxM;
  if (type == "ExhaustiveNxMSampler") return SamplerKind::kExhaustiveNxM;
  throw ConfigError("data.sampler=" + name + " is unknown; use balr.samplers.nxm_samplers.RandomNxMSampler, "
                    "balr.samplers.nxm_samplers.ExhaustiveNxMSampler or null");
}

SamplerSettings sampler_settings(const TrainSettings& settings) {
  SamplerSettings sampler;
  sampler.kind = sampler_kind(settings.sampler);
  sampler.batch_size = settings.batch_size;
  sampler.classes_per_batch = settings.classes_per_batch;
  sampler.samples_per_class = settings.samples_per_class;
  sampler.shuffle = settings.shuffle;
  if (settings.sampler_rng == "numpy") sampler.rng = SamplerRng::kNumpy;
  sampler.seed = sampler.rng == SamplerRng::kNumpy ? kPythonSeed : settings.seed;
  return sampler;
}

void check_values(const VectorTable& table, const std::string& what) {
  for (std::size_t i = 0; i < table.values.size(); ++i)
    if (!std::isfinite(table.values[i]))
      throw DataError("the " + what + " embedding of '" + table.ids[i / static_cast<std::size_t>(table.dimension)] +
                      "' is not finite; extract it again, or leave its row out");
}

}  // namespace

Batches::Batches(const VectorTable& table, const TrainSettings& settings, int ranks, bool sampled,
                 const char* what)
    : labels_(table.labels), ranks_(ranks) {
  if (table.rows() < 2)
    throw DataError(std::string("the ") + what + " data have " + std::to_string(table.rows()) +
                    " embeddings; at least 2 are needed");
  if (table.dimension != settings.input_dim)
    throw ConfigError("trainer.input_dim is " + std::to_string(settings.input_dim) + ", but the " + what +
                      " embeddings have " + std::to_string(table.dimension) + " numbers; pass trainer.input_dim=" +
                      std::to_string(table.dimension));
  check_values(table, what);
  if (sampled) {
    sampler_ = make_sampler(labels_, sampler_settings(settings));
    count_ = (sampler_->batch_count() + ranks - 1) / ranks;
    rows_per_step_ = ranks * static_cast<std::int64_t>(sampler_->batch(0, 0).size());
  }
  values_ = at::from_blob(const_cast<float*>(table.values.data()), {table.rows(), table.dimension}, at::kFloat);
}

Batch Batches::get(std::int64_t epoch, std::int64_t number) {
  std::vector<std::int64_t> rows;
  // The batches of one step follow each other; where the last step lacks some, the epoch begins again.
  for (int rank = 0; rank < ranks_; ++rank) {
    const auto part = sampler_->batch(epoch, (number * ranks_ + rank) % sampler_->batch_count());
    rows.insert(rows.end(), part.begin(), part.end());
  }
  Batch batch;
  for (const std::int64_t row : rows) batch.labels.push_back(labels_[static_cast<std::size_t>(row)]);
  const at::Tensor index = at::from_blob(rows.data(), {static_cast<std::int64_t>(rows.size())}, at::kLong);
  batch.x = values_.index_select(0, index.to(values_.device()));
  return batch;
}

}  // namespace balr
