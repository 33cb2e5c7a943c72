#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// What a model file holds, for a person.
namespace balr {

struct TensorSummary {
  std::string name, type;  // type: float32, int64, ...
  std::vector<std::int64_t> shape;
};

struct ModelSummary {
  std::filesystem::path file;
  std::string format;  // pt, safetensors
  std::string sha256;  // of the file
  std::uint64_t bytes = 0;
  std::string architecture;             // a line; empty: not known
  std::string trouble;                  // why the weights do not fit the architecture; empty: they do
  std::vector<TensorSummary> tensors;   // in file order
  std::int64_t parameters = 0;          // numbers that were trained
  std::int64_t buffers = 0;             // statistics and counts of batch-norms
  std::int64_t ignored = 0;             // of projection.*, the head of the encoder's own training
};

// config: WeSpeaker's configuration of the architecture; empty: the auto-encoder is known by its tensors, others are
// not. Throws DataError, IoError for a file that cannot be read.
ModelSummary summarize_model(const std::filesystem::path& weights, const std::filesystem::path& config);

}  // namespace balr
