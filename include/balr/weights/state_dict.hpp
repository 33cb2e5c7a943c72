#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// Model files are data, never programs.
namespace balr {

// Named tensors in file order.
using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

// Reads a `.pt` file (torch.save of a state dict, flat or under state_dict / model / model_state_dict) with a restricted
// unpickler: tensors, numbers, strings, lists, tuples and dicts only; anything else is refused by name. Or a
// `.safetensors` file (known by its content too). Tensors come to the CPU, in file order.
// Throws DataError naming file and cause, IoError.
StateDict read_state_dict(const std::filesystem::path& file);

// Writes a bare OrderedDict that torch.load(weights_only=True) and the Python balr read, or, if the file's name ends in
// `.safetensors`, the bytes that the Python library of that name writes. Atomic. Throws IoError.
void write_state_dict(const std::filesystem::path& file, const StateDict& tensors);

}  // namespace balr
