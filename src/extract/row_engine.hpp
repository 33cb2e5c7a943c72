#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/partition.hpp"
#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "balr/extract/row_rules.hpp"
#include "balr/speech/embedder.hpp"

namespace balr {

class Journal;

struct RowResult {
  std::int64_t row = 0;
  RowStatus status = RowStatus::kPending;
  std::string reason;            // kOk: a note for the summary, or empty (row_work.hpp)
  std::vector<float> embedding;  // empty unless kOk
  double seconds = 0;
  int source_rate = 0;
  std::int64_t file_size = -1, file_time = -1;  // bytes, ns since 1970; -1: there is no file
};

// What threads spent their time on, in seconds of one thread.
struct StageSeconds {
  double decode = 0, features = 0, network = 0;
};

// Turns rows of the manifest into embeddings in threads of its own. Results come in any order; a row's numbers do not
// depend on the others'. Used from one thread.
class RowEngine {
 public:
  virtual ~RowEngine() = default;  // waits for the rows in work, drops the others
  // Rows of one file (same_file_runs()), which is decoded once for them.
  virtual void submit(Range rows) = 0;
  // The next result, waiting at most this long. Rethrows what a worker thread threw.
  virtual std::optional<RowResult> next(std::chrono::milliseconds wait) = 0;
  // Forgets the rows that no thread has begun and returns how many they were.
  virtual std::int64_t cancel() = 0;
  // Rows that should be submitted and unfinished at any time, to keep every thread busy.
  virtual std::int64_t appetite() const = 0;
  // Gives up rows that have been decoding for longer than this: no result of theirs comes any more, and another thread takes
  // the place of theirs, which ends by itself if its decoder ever returns. Their entries in the journal stay open.
  virtual std::vector<Range> give_up(std::chrono::duration<double> limit) = 0;

  virtual StageSeconds seconds() const = 0;
  virtual int decode_threads() const = 0;
  virtual int network_threads() const = 0;  // the same threads, on the CPU
};

struct EngineOptions {
  int threads = 1;             // CPU: utterances at once; device: decoding threads
  int batch_size = 64;         // device only
  int rank = 0;                // for fault points
  Journal* journal = nullptr;  // of the rows that are being decoded; may be absent
};

// CPU: each thread decodes and computes one utterance at a time.
std::unique_ptr<RowEngine> make_cpu_engine(const Manifest& manifest, const RowRules& rules,
                                           const Embedder& embedder, const EngineOptions& options);

// Device: threads decode ahead of one thread that computes batches of like length (BatchComputer). Audio that waits is bounded in
// seconds: 154 MB a rank beside what each thread holds.
std::unique_ptr<RowEngine> make_batch_engine(const Manifest& manifest, const RowRules& rules,
                                             const Embedder& embedder, const EngineOptions& options);

}  // namespace balr
