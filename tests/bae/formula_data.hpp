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

// SHA-256 over weights, statistics, Adam's state, losses and validation after some steps.
inline std::string digest_of_training(Collective* collective, const Threads& threads,
                                      const AutoencoderShape& shape, std::int64_t batch,
                                      int steps) {
  TrainStep step(formula_model(shape), at::kCPU,
                 {.learning_rate = 1e-3,
                  .canonical = true,
                  .threads = threads,
                  .losses = {make_mse_loss(1.0)}},
                 collective);
  Sha256 hash;
  const auto add = [&](const void* data, std::size_t size) {
    hash.update({static_cast<const char*>(data), size});
  };
  for (int i = 0; i < steps; ++i)
    for (const double value :
         step.run(noise_tensor({batch, shape.input_dim}, 100 + static_cast<std::uint64_t>(i), 1.0f),
                  {})
             .values())
      add(&value, sizeof value);
  const double validation = step.evaluate(noise_tensor({700, shape.input_dim}, 99, 1.0f));
  add(&validation, sizeof validation);
  for (const StateDict& tensors : {step.model().state_dict(), step.gather_state()})
    for (const auto& [name, tensor] : tensors) add(tensor.contiguous().data_ptr(), tensor.nbytes());
  return hash.hex();
}

struct PinnedTraining {
  AutoencoderShape shape;
  std::int64_t batch;
  const char* digest;
};

// Made by the plain products (loops over std::fma) on an Intel processor; every path, processor,
// number of ranks and threads must give them. Widths with and without odd ends, batches that 8 does
// and does not divide.
inline constexpr PinnedTraining kPinnedTrainings[] = {
    {{256, 512}, 64, "097a0af27ca13418a5eb56c51e6ffb3c0bfd6415ab1c88d3c9bf5a9ac333dce3"},
    {{24, 40}, 100, "44c91435aabcd0d1d986e9d6035d60c618367b1e9688cbf1ed7555acd1bd2294"},
    {{33, 65}, 17, "4bad41e4d7352d62c29d5e35e689c689ec051e463bff3b450d9a957f2683f482"},
};
constexpr int kPinnedSteps = 3;

}  // namespace balr::test
