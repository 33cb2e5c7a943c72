#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "balr/kernels/threads.hpp"

namespace balr {

// The encoding half of a trained auto-encoder, on the CPU: canonical kernels, so a row's bits
// depend on nothing but the row and the weights.
class Encoder {
 public:
  // A .pt or .safetensors file of a training; strict about its tensors (Autoencoder::
  // from_state_dict). Throws DataError naming the file, IoError.
  static Encoder load(const std::filesystem::path& file, const Threads& threads = {});
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  std::int64_t input_dim() const;     // numbers of an embedding
  std::int64_t attributes() const;    // n
  const std::string& sha256() const;  // of the file

  // `rows` [count, input_dim] -> `bits` [count, ceil(n / 8)], all written: attribute a of a row is
  // bit 7 - a % 8 of byte a / 8, as in attributes.h5. A NaN gives attributes that are not active.
  void encode(std::span<const float> rows, std::span<std::uint8_t> bits) const;

 private:
  struct State;
  explicit Encoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace balr
