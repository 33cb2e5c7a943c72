#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "extract/row_work.hpp"

namespace balr {

class Journal;

// Puts decoded rows together to batches of like length and computes them on the embedder's device,
// two on their way at once. What the device's memory cannot hold is halved, and so are the batches
// after it; a row in chunks becomes batches of its chunks. One thread.
class BatchComputer {
 public:
  struct Options {
    int batch_size = 64;               // most rows of a batch
    double batch_seconds = 600;        // most padded seconds of one that has more than a row
    int rank = 0;                      // for fault points
    const Journal* journal = nullptr;  // may be absent
  };
  BatchComputer(const Embedder& embedder, const Options& options,
                std::function<void(RowResult)> take);

  void add(DecodedRow row);
  bool empty() const { return window_.empty(); }
  // Enough rows wait that batches of like length can be chosen.
  bool full() const;
  // Starts the longest rows that wait, as one batch; what is short may still find mates of its
  // length. Some wait. Their samples are let go.
  void start();
  // Hands over all results that are on their way.
  void drain();

  std::int64_t waiting_samples() const { return waiting_samples_; }
  // When it is full.
  std::int64_t window_rows() const { return kWindowBatches * options_.batch_size; }
  std::int64_t window_samples() const {
    return static_cast<std::int64_t>(kWindowBatches * options_.batch_seconds) * embedder_.rate();
  }

 private:
  // How many batches' worth of audio is chosen from: the more, the less padding.
  static constexpr int kWindowBatches = 4;
  static constexpr std::size_t kOnTheWay = 2;

  using Samples = std::span<const std::span<const float>>;
  struct OnTheWay {
    std::vector<DecodedRow> rows;
    std::unique_ptr<Embedder::Batch> batch;
  };

  double padded_seconds(std::int64_t samples) const;
  std::size_t fitting(std::int64_t longest) const;
  void start_rows(std::vector<DecodedRow> rows);
  void halve(std::vector<DecodedRow> rows);
  void compute_chunks(DecodedRow row);
  bool compute(Samples chunks, std::vector<std::vector<float>>& out);
  std::unique_ptr<Embedder::Batch> try_start(Samples samples);
  void shrink(Samples samples);
  void finish_oldest();
  void fail(DecodedRow row);

  const Embedder& embedder_;
  Options options_;
  std::function<void(RowResult)> take_;
  const double memory_limit_;  // of a test: more rows at once are taken for too many
  std::vector<DecodedRow> window_;
  std::int64_t waiting_samples_ = 0;  // in window_
  std::deque<OnTheWay> on_the_way_;
};

}  // namespace balr
