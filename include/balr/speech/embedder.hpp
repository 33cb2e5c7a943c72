#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balr/speech/fbank.hpp"

namespace balr {

struct EmbedderOptions {
  std::string device = "cpu";       // as ATen spells it: cpu, cuda, cuda:1
  std::string precision = "auto";   // auto (CPU: fp32, CUDA: tf32), fp32; on CUDA also tf32, bf16, fp16; with library bf16, fp16
  FbankOptions features = {};
  // On the CPU: auto (winograd), winograd, direct, or library: LibTorch in batches, as on a device, for tests and comparisons. On a device
  // auto only.
  std::string convolution = "auto";
};

// From the samples of an utterance to its speaker embedding: filterbank, then the network. Immutable after loading.
class Embedder {
 public:
  // Throws ConfigError (precision, features), DataError (the model's files), IoError.
  static std::unique_ptr<Embedder> load(const std::filesystem::path& model_file, const std::filesystem::path& model_config,
                                        const EmbedderOptions& options);
  ~Embedder();

  int rate() const;                        // Hz of the samples it wants
  std::int64_t dimension() const;          // of an embedding
  std::int64_t min_samples() const;        // fewest samples that give a finite embedding (more than 8 frames)
  const std::string& sha256() const;       // of the model file
  const std::string& precision() const;    // what "auto" became
  std::string features() const;            // the filterbank and its parameters, for the store

  // One utterance of at least min_samples() samples. On the CPU any number of threads may call it at once; the result has the
  // same bytes whichever thread and whichever CPU computes it.
  std::vector<float> embed(std::span<const float> samples) const;
  // A batch, padded and masked exactly; rows differ from embed() by rounding only (on the CPU, where they are computed
  // one by one, not at all).
  std::vector<std::vector<float>> embed_batch(std::span<const std::span<const float>> samples) const;

  // A batch that is being computed.
  class Batch {
   public:
    virtual ~Batch() = default;
    virtual std::vector<std::vector<float>> get() = 0;  // once; waits for it
  };
  // Hands a batch to the device and returns: two on the way keep it busy while the next one is filled. (On the CPU it is computed at
  // once.) The samples may go when it returns. From one thread at a time. Throws c10::OutOfMemoryError if the device's memory cannot
  // hold it beside those on the way.
  std::unique_ptr<Batch> start_batch(std::span<const std::span<const float>> samples) const;
  bool in_batches() const;  // on a device; else embed() in threads is the way
  // What a row of so many samples is padded to in a batch.
  std::int64_t padded_samples(std::int64_t samples) const;
  // Padded seconds of one batch that the device's free memory can hold beside another one, as far as measured; may be infinite.
  double fitting_seconds() const;

  // Seconds that threads have spent in it so far, all together. On a device the filterbank's time is in part the network's,
  // which waits for it.
  struct Seconds {
    double features = 0, network = 0;
  };
  Seconds seconds() const;

 private:
  struct State;
  explicit Embedder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace balr
