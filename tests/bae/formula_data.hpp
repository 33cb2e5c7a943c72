#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "balr/bae/train_step.hpp"
#include "balr/core/hash.hpp"

// A model and data by formula, so that their bytes depend on no library, and the bytes of a
// training on them.
namespace balr::test {

// Uniform in [-1, 1), exact in float32, a function of `index` (splitmix64).
inline float noise(std::uint64_t index) {
  std::uint64_t z = index + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return static_cast<float>(static_cast<double>((z ^ (z >> 31)) >> 40) * 0x1p-23 - 1);
}

inline at::Tensor noise_tensor(at::IntArrayRef shape, std::uint64_t stream, float scale) {
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  float* data = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    data[i] = scale * noise((stream << 32) + static_cast<std::uint64_t>(i));
  return tensor;
}

inline Autoencoder formula_model(const AutoencoderShape& shape) {
  Autoencoder model(shape);
  std::uint64_t stream = 0;
  for (const ParameterPlace& place : parameter_places(shape)) {
    const at::Tensor tensor = model.parameter(place.name);
    // powers of two: no rounding
    if (place.inputs > 0) tensor.copy_(noise_tensor(tensor.sizes(), ++stream, 0.25f));
    if (place.inputs == 0 && place.name != "encoder.2.weight")
      tensor.copy_(noise_tensor(tensor.sizes(), ++stream, 0.125f));
  }
  return model;
}

// Which losses a training has, as letters: m MSE, t triplet, s sparsity, a ArcFace.
struct FormulaTraining {
  AutoencoderShape shape;
  std::int64_t batch;
  std::string losses;
  std::int64_t rows_of_class;  // in a batch; the last class may have fewer
  int steps;
};
constexpr std::int64_t kFormulaClasses = 70;  // 64 does not divide it

inline TrainStepOptions formula_options(const FormulaTraining& training, const Threads& threads) {
  TrainStepOptions options{.learning_rate = 1e-3, .canonical = true, .threads = threads,
                           .losses = {}};
  const std::int64_t h = training.shape.internal_dim;
  for (const char loss : training.losses) {
    if (loss == 'm') options.losses.push_back(make_mse_loss(1.0));
    if (loss == 't') options.losses.push_back(make_triplet_loss({.type = TripletType::kSemihard}));
    if (loss == 's')
      options.losses.push_back(
          make_sparsity_loss({.weight = 0.01, .group_rows = training.rows_of_class}, h));
    if (loss == 'a') {
      options.losses.push_back(make_arcface_loss({.weight = 0.01, .classes = kFormulaClasses}));
      options.heads.push_back(noise_tensor({kFormulaClasses, h}, 77, 1.0f));
    }
  }
  return options;
}

// Rows of a class lie around one point.
inline std::vector<std::int64_t> formula_labels(const FormulaTraining& training, int step) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < training.batch; ++i)
    labels.push_back((i / training.rows_of_class + step * 5) % kFormulaClasses);
  return labels;
}
inline at::Tensor formula_batch(const FormulaTraining& training,
                                const std::vector<std::int64_t>& labels, int step) {
  const std::int64_t d = training.shape.input_dim;
  const at::Tensor x =
      noise_tensor({training.batch, d}, 100 + static_cast<std::uint64_t>(step), 1.0f);
  const at::Tensor centres = noise_tensor({kFormulaClasses, d}, 98, 0.5f);
  for (std::int64_t i = 0; training.losses != "m" && i < training.batch; ++i)
    x[i].add_(centres[labels[static_cast<std::size_t>(i)]]);
  return x;
}

// SHA-256 over weights, statistics, Adam's state, losses and validation after some steps.
inline std::string digest_of_training(Collective* collective, const Threads& threads,
                                      const FormulaTraining& training) {
  TrainStep step(formula_model(training.shape), at::kCPU, formula_options(training, threads),
                 collective);
  Sha256 hash;
  const auto add = [&](const void* data, std::size_t size) {
    hash.update({static_cast<const char*>(data), size});
  };
  for (int i = 0; i < training.steps; ++i) {
    const std::vector<std::int64_t> labels = formula_labels(training, i);
    for (const double value : step.run(formula_batch(training, labels, i), labels).values())
      add(&value, sizeof value);
  }
  const double validation =
      step.evaluate(noise_tensor({700, training.shape.input_dim}, 99, 1.0f)).mse;
  add(&validation, sizeof validation);
  for (const StateDict& tensors : {step.model().state_dict(), step.gather_state()})
    for (const auto& [name, tensor] : tensors) add(tensor.contiguous().data_ptr(), tensor.nbytes());
  return hash.hex();
}

struct PinnedTraining {
  FormulaTraining training;
  const char* digest;
};

// Made by the plain products (loops over std::fma) on an Intel processor; every path, processor,
// number of ranks and threads must give them. Widths with and without odd ends, batches that 8 does
// and does not divide; ArcFace over 70 speakers.
inline const PinnedTraining kPinnedTrainings[] = {
    {{{256, 512}, 64, "m", 1, 3},
     "097a0af27ca13418a5eb56c51e6ffb3c0bfd6415ab1c88d3c9bf5a9ac333dce3"},
    {{{24, 40}, 100, "m", 1, 3},
     "44c91435aabcd0d1d986e9d6035d60c618367b1e9688cbf1ed7555acd1bd2294"},
    {{{33, 65}, 17, "m", 1, 3},
     "4bad41e4d7352d62c29d5e35e689c689ec051e463bff3b450d9a957f2683f482"},
    {{{256, 512}, 64, "mtsa", 8, 3},
     "4ee0f9c92ad12cbaba79b2e81f7767a727b5dfd3afdc122fa624e19d7211a0cb"},
    {{{24, 40}, 512, "mtsa", 16, 200},
     "932c9f312faa4aa33008f828824de3324b5cc0403c6bc080a31461d19f326ecc"},
    {{{24, 40}, 64, "mt", 8, 200},
     "e451101ec174ac1549718d310ce2ef33d57f2d71db0ae8e6cff58e0d5c82df01"},
    {{{33, 65}, 60, "msa", 6, 200},
     "9d2924626b59f13615b6566f7d5b09dd659390876d65e43a87eb1c3e08c19a32"},
    {{{33, 65}, 54, "ta", 5, 200},
     "d890d1554c9800bd7d9ccaf83c0b20ca13156036aed8eb64b175d9d645627b5d"},
};

}  // namespace balr::test
