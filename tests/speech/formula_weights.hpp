#pragma once
#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "balr/weights/state_dict.hpp"
#include "speech/resnet_plan.hpp"

// The reference numbers of the ResNet family were made with weights from a formula (all arithmetic modulo 2^64), so that
// anybody can make the same networks without a file.
namespace balr::test {

inline std::uint64_t splitmix64(std::uint64_t x) {
  std::uint64_t z = x + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// In [-1, 1), exact in float32.
inline double formula_number(std::uint64_t tensor, std::uint64_t index) {
  return static_cast<double>(splitmix64((tensor << 32) + index) >> 40) * std::ldexp(1.0, -23) - 1;
}

inline double formula_value(const std::string& name, std::size_t dimensions, std::int64_t fan_in, double u) {
  if (dimensions >= 2) return u * std::sqrt(3.0 / static_cast<double>(fan_in));
  if (name.ends_with(".running_var")) return 1 + 0.5 * std::abs(u);
  if (name.ends_with(".weight")) return 1 + 0.1 * u;
  return 0.1 * u;
}

// num_batches_tracked is there (as 0) and counts as a tensor.
inline StateDict formula_weights(const ResnetConfig& config) {
  StateDict out;
  for (const auto& [name, shape] : resnet_tensors(config)) {
    at::Tensor tensor = at::empty(shape, at::kFloat);
    const std::int64_t fan_in = tensor.numel() / shape[0];
    float* values = tensor.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      values[i] = static_cast<float>(
          formula_value(name, shape.size(), fan_in, formula_number(out.size(), static_cast<std::uint64_t>(i))));
    out.emplace_back(name, std::move(tensor));
    const std::string variance = ".running_var";
    if (name.ends_with(variance))
      out.emplace_back(name.substr(0, name.size() - variance.size()) + ".num_batches_tracked", at::zeros({}, at::kLong));
  }
  return out;
}

// [rows, frames, 80]: the first `frames` frames of the reference's input (2, 150, 80).
inline at::Tensor formula_input(std::int64_t rows = 2, std::int64_t frames = 150) {
  at::Tensor input = at::empty({2, 150, 80}, at::kFloat);
  for (std::int64_t i = 0; i < input.numel(); ++i)
    input.mutable_data_ptr<float>()[i] = static_cast<float>(2 * formula_number(100000, static_cast<std::uint64_t>(i)));
  return input.narrow(0, 0, rows).narrow(1, 0, frames);
}

}  // namespace balr::test
