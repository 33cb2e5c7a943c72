#include "train/batches.hpp"

#include <ATen/ATen.h>

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

SamplerSettings sampler_settings(const TrainSettings& settings, BatchUse use) {
  SamplerSettings sampler;
  sampler.batch_size = settings.batch_size;
  sampler.classes_per_batch = settings.classes_per_batch;
  sampler.samples_per_class = settings.samples_per_class;
  sampler.seed = settings.seed;
  if (use == BatchUse::kExhaustive) {
    sampler.kind = SamplerKind::kExhaustiveNxM;
    sampler.batch_size = settings.classes_per_batch * settings.samples_per_class;
    return sampler;
  }
  sampler.kind = sampler_kind(settings.sampler);
  sampler.shuffle = settings.shuffle;
  sampler.drop_last = settings.drop_last;
  if (settings.sampler_rng == "numpy") sampler.rng = SamplerRng::kNumpy;
  if (sampler.rng == SamplerRng::kNumpy) sampler.seed = kPythonSeed;
  return sampler;
}

// Pairwise losses and N x M batches need several speakers.
void check_speakers(const Table& table, const TrainSettings& settings, BatchUse use,
                    const std::string& what) {
  const auto speakers = static_cast<std::int64_t>(table.label_names.size());
  const bool by_speaker =
      use == BatchUse::kExhaustive || sampler_kind(settings.sampler) != SamplerKind::kShuffle;
  if (by_speaker && speakers < settings.classes_per_batch)
    throw DataError("Not enough classes: the " + what + " data have " + std::to_string(speakers) +
                    " speakers, a batch takes " + std::to_string(settings.classes_per_batch) +
                    "; lower data.N_classes_per_batch (and data.batch_size) or add speakers");
  if (what == "training" && speakers < 2 && (settings.losses.triplet || settings.losses.arcface))
    throw DataError(
        "the triplet and ArcFace losses need at least two training speakers, the data have " +
        std::to_string(speakers) + "; add speakers, or leave these losses out");
}

}  // namespace

Batches::Batches(const Table& table, const TrainSettings& settings, int ranks, BatchUse use,
                 const char* what)
    : table_(table), ranks_(ranks) {
  if (table.rows() < 2)
    throw DataError(std::string("the ") + what + " data have " + std::to_string(table.rows()) +
                    " embeddings; at least 2 are needed");
  if (table.dimension != settings.input_dim)
    throw ConfigError("trainer.input_dim is " + std::to_string(settings.input_dim) + ", but the " +
                      what + " embeddings have " + std::to_string(table.dimension) +
                      " numbers; pass trainer.input_dim=" + std::to_string(table.dimension));
  if (use != BatchUse::kNone) {
    check_speakers(table, settings, use, what);
    const SamplerSettings sampler = sampler_settings(settings, use);
    sampler_ = make_sampler(table.labels, sampler);
    count_ = (sampler_->batch_count() + ranks - 1) / ranks;
    if (count_ == 0)
      throw DataError(std::string("data.drop_last=true leaves no batch of the ") + what +
                      " data; lower data.batch_size or leave it out");
    rows_per_step_ = ranks * static_cast<std::int64_t>(sampler_->batch(0, 0).size());
    const std::int64_t last = table.rows() % sampler.batch_size;
    if (sampler.kind == SamplerKind::kShuffle && !sampler.drop_last && ranks == 1 && last == 1)
      throw DataError(std::string("the last batch of the ") + what +
                      " data would have one row, which has no variance to normalise with; set "
                      "data.drop_last=true or another data.batch_size");
  }
  values_ = at::from_blob(const_cast<float*>(table.values.data()), {table.rows(), table.dimension},
                          at::kFloat);
}

std::vector<std::int64_t> Batches::rows(std::int64_t epoch, std::int64_t number) {
  std::vector<std::int64_t> rows;
  // The batches of one step follow each other; where the last step lacks some, the epoch begins again.
  for (int rank = 0; rank < ranks_; ++rank) {
    const auto part = sampler_->batch(epoch, (number * ranks_ + rank) % sampler_->batch_count());
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

std::vector<std::int64_t> Batches::labels(const std::vector<std::int64_t>& rows) const {
  std::vector<std::int64_t> labels;
  for (const std::int64_t row : rows) labels.push_back(table_.labels[static_cast<std::size_t>(row)]);
  return labels;
}

at::Tensor Batches::classes() const { return at::tensor(table_.labels, at::kLong).to(values_.device()); }

Batch Batches::get(std::int64_t epoch, std::int64_t number) {
  std::vector<std::int64_t> rows = this->rows(epoch, number);
  Batch batch;
  batch.labels = labels(rows);
  const at::Tensor index = at::from_blob(rows.data(), {static_cast<std::int64_t>(rows.size())}, at::kLong);
  batch.x = values_.index_select(0, index.to(values_.device()));
  return batch;
}

}  // namespace balr
