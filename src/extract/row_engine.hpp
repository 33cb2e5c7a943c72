#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "balr/speech/embedder.hpp"

namespace balr {

struct RowResult {
  std::int64_t row = 0;
  RowStatus status = RowStatus::kPending;
  std::string reason;
  std::vector<float> embedding;  // empty unless kOk
  double seconds = 0;
  int source_rate = 0;
};

// Turns rows of the manifest into embeddings in threads of its own. Results come in any order; a row's numbers do not
// depend on the others'. Used from one thread.
class RowEngine {
 public:
  virtual ~RowEngine() = default;  // waits for the rows in work, drops the others
  virtual void submit(std::int64_t row) = 0;
  // The next result, waiting at most this long. Rethrows what a worker thread threw.
  virtual std::optional<RowResult> next(std::chrono::milliseconds wait) = 0;
  // Forgets the rows that no thread has begun and returns them.
  virtual std::vector<std::int64_t> cancel() = 0;
  // Rows that should be submitted and unfinished at any time, to keep every thread busy.
  virtual std::int64_t appetite() const = 0;
};

// CPU: each thread decodes and computes one utterance at a time.
std::unique_ptr<RowEngine> make_cpu_engine(const Manifest& manifest, const AudioLimits& limits,
                                           const Embedder& embedder, int threads);

// Device: threads decode ahead of one thread that computes batches of like length.
std::unique_ptr<RowEngine> make_batch_engine(const Manifest& manifest, const AudioLimits& limits,
                                             const Embedder& embedder, int decode_threads, int batch_size);

}  // namespace balr
