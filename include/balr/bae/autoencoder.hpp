#pragma once
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "balr/weights/state_dict.hpp"

namespace balr {

struct AutoencoderShape {
  std::int64_t input_dim = 256;     // D: numbers of an embedding
  std::int64_t internal_dim = 512;  // H: attributes, and width of the hidden layers
  friend bool operator==(const AutoencoderShape&, const AutoencoderShape&) = default;
};

// Where one trained tensor lies in the flat buffer of all of them. Row o of a weight belongs to
// output feature o; of a vector, element o does.
struct ParameterPlace {
  std::string name;
  std::int64_t offset = 0;   // in floats
  std::int64_t outputs = 0;  // rows
  std::int64_t inputs = 0;   // columns; 0: the tensor is a vector
  std::int64_t row_size() const { return inputs == 0 ? 1 : inputs; }
  std::int64_t size() const { return outputs * row_size(); }
};

// The trained tensors, in the order of the state dict and without gaps.
std::vector<ParameterPlace> parameter_places(const AutoencoderShape& shape);

// Numbers of the binary attribute auto-encoder, a value (copies are deep):
//   encoder: Linear(D, H), ReLU, BatchNorm(H), Linear(H, H), Tanh -> Z; b = 1 if Z > 0 else 0
//   decoder: Linear(H, H), Tanh, Linear(H, D)
// The ten trained tensors are views of one flat float32 buffer; 13 tensors with batch-norm's
// buffers.
class Autoencoder {
 public:
  // Weights and biases 0, batch-norm the identity.
  explicit Autoencoder(const AutoencoderShape& shape);
  // As the Python balr initialises it on the CPU: the default uniform draws of each layer in turn,
  // then all weights from N(0, 2 / fan_in). The same numbers for the same generator state;
  // ArcFace's matrix is drawn after it.
  static Autoencoder random(const AutoencoderShape& shape, at::Generator& generator);
  static Autoencoder random(const AutoencoderShape& shape, std::uint64_t seed);
  // A model file's tensors; a `module.` prefix (PyTorch DDP) is ignored. The shape is taken from
  // the tensors. Throws DataError naming missing, unexpected and misshapen tensors.
  static Autoencoder from_state_dict(const StateDict& tensors);

  Autoencoder(const Autoencoder& other);
  Autoencoder& operator=(const Autoencoder& other);
  Autoencoder(Autoencoder&&) = default;
  Autoencoder& operator=(Autoencoder&&) = default;
  Autoencoder to(const at::Device& device) const;  // a copy there

  const AutoencoderShape& shape() const { return shape_; }
  // The 13 tensors in the order of the Python balr; they share memory with this object.
  StateDict state_dict() const;
  // A trained tensor by its name, e.g. encoder.0.weight; shares memory.
  at::Tensor parameter(std::string_view name) const;
  const at::Tensor& flat() const {
    return flat_;
  }  // all trained tensors, at their parameter_places
  const at::Tensor& running_mean() const { return running_mean_; }
  const at::Tensor& running_var() const { return running_var_; }
  const at::Tensor& batches_tracked() const { return batches_tracked_; }  // int64, no dimensions

 private:
  AutoencoderShape shape_;
  std::vector<ParameterPlace> places_;
  at::Tensor flat_, running_mean_, running_var_, batches_tracked_;
};

}  // namespace balr
