#include <c10/util/Exception.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "balr/core/fault.hpp"
#include "extract/decode_watch.hpp"
#include "extract/row_engine.hpp"
#include "extract/thread_crew.hpp"
#include "extract/work_queue.hpp"

namespace balr {
namespace {

// How many batches' worth of decoded audio the batching thread chooses from: the more, the less padding.
constexpr std::size_t kWindowBatches = 4;
// Padded seconds of one batch; bounds the device's memory whatever the files' lengths.
constexpr double kMaxBatchSeconds = 600;

class BatchEngine final : public RowEngine {
 public:
  BatchEngine(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, const EngineOptions& options)
      : embedder_(embedder),
        decoder_(manifest, rules, embedder, options.journal),
        memory_limit_(fault_number("memory", "extract.batch", options.rank)),
        batch_size_(static_cast<std::size_t>(options.batch_size)),
        window_(kWindowBatches * batch_size_),
        network_thread_([this] { guarded([this] { compute(); }); }),
        crew_(options.threads, [this] { guarded([this] { decode(); }); }) {}

  ~BatchEngine() override {
    todo_.close();
    clips_.close();
    crew_.join();
    network_thread_.join();
  }

  void submit(Range rows) override {
    undecoded_ += rows.size();
    todo_.push(rows);
  }
  std::optional<RowResult> next(std::chrono::milliseconds wait) override { return results_.pop_for(wait); }
  std::int64_t cancel() override {
    std::int64_t rows = 0;
    for (const Range& range : todo_.drain()) rows += range.size();
    undecoded_ -= rows;
    return rows;
  }
  std::int64_t appetite() const override { return static_cast<std::int64_t>(window_) + 2 * crew_.size(); }
  std::vector<Range> give_up(std::chrono::duration<double> limit) override {
    std::vector<Range> out;
    for (const auto& [rows, thread] : decoder_.give_up(limit)) {
      undecoded_ -= rows.size();
      crew_.replace(thread);
      out.push_back(rows);
    }
    return out;
  }

  StageSeconds seconds() const override {
    const Embedder::Seconds embedding = embedder_.seconds();
    return {decoder_.seconds(), embedding.features, embedding.network};
  }
  int decode_threads() const override { return crew_.size(); }
  int network_threads() const override { return 1; }

 private:
  template <class Work>
  void guarded(Work work) {
    try {
      work();
    } catch (...) {
      results_.fail(std::current_exception());
    }
  }

  void decode() {
    while (const auto rows = todo_.pop()) {
      auto decoded = decoder_.decode(*rows);
      if (!decoded) return;  // this thread was given up
      for (DecodedRow& row : *decoded) {
        if (row.ready()) {
          clips_.push_bounded(std::move(row), window_);
        } else {
          results_.push(std::move(row.result));
        }
        --undecoded_;
      }
    }
  }

  // Computes when the window is full or when nothing more is coming for the moment.
  void compute() {
    using namespace std::chrono_literals;
    std::vector<DecodedRow> window;
    while (!closing(window)) {
      auto clip = clips_.pop_for(10ms);
      if (clip) window.push_back(std::move(*clip));
      const bool dry = !clip && undecoded_ == 0;
      while (window.size() >= window_ || (dry && !window.empty())) take_batch(window);
    }
  }

  bool closing(const std::vector<DecodedRow>& window) { return window.empty() && todo_.closed(); }

  // The longest clips first: what is short may still find mates of its length.
  void take_batch(std::vector<DecodedRow>& window) {
    std::stable_sort(window.begin(), window.end(), [](const DecodedRow& a, const DecodedRow& b) {
      return a.clip.samples.size() < b.clip.samples.size();
    });
    if (window.back().chunk_samples > 0) return take_chunked(window);
    const double longest = static_cast<double>(window.back().clip.samples.size()) / window.back().clip.rate;
    const auto fitting = static_cast<std::size_t>(std::max(1.0, kMaxBatchSeconds / std::max(longest, 1e-3)));
    const std::size_t count = std::min({window.size(), batch_size_, fitting});
    std::vector<DecodedRow> batch(std::make_move_iterator(window.end() - static_cast<std::ptrdiff_t>(count)),
                                  std::make_move_iterator(window.end()));
    window.resize(window.size() - count);
    compute_batch(std::move(batch));
  }

  // The last row of the window is in chunks, which are batches of their own.
  void take_chunked(std::vector<DecodedRow>& window) {
    DecodedRow row = std::move(window.back());
    window.pop_back();
    std::vector<float> embedding = embed_row(embedder_, row);
    results_.push(finish_row(std::move(row), std::move(embedding)));
  }

  // Halves what the device's memory cannot hold.
  void compute_batch(std::vector<DecodedRow> batch) {
    std::vector<std::span<const float>> samples;
    for (const DecodedRow& row : batch) samples.emplace_back(row.clip.samples);
    auto embeddings = embed(samples);
    if (embeddings) {
      for (std::size_t i = 0; i < batch.size(); ++i)
        results_.push(finish_row(std::move(batch[i]), std::move((*embeddings)[i])));
    } else if (batch.size() == 1) {
      batch[0].result.status = RowStatus::kTooLong;
      batch[0].result.reason = "the device's memory cannot hold it";
      results_.push(std::move(batch[0].result));
    } else {
      const std::size_t half = (batch.size() + 1) / 2;
      if (half < batch_size_) {
        batch_size_ = half;
        spdlog::warn("the device's memory cannot hold a batch of {}: at most {} utterances at once from now on", batch.size(), half);
      }
      std::vector<DecodedRow> rest(std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(half)),
                                   std::make_move_iterator(batch.end()));
      batch.resize(half);
      compute_batch(std::move(batch));
      compute_batch(std::move(rest));
    }
  }

  // Nothing if the device has not enough memory for them.
  std::optional<std::vector<std::vector<float>>> embed(std::span<const std::span<const float>> samples) {
    if (memory_limit_ > 0 && static_cast<double>(samples.size()) > memory_limit_) return std::nullopt;
    try {
      return embedder_.embed_batch(samples);
    } catch (const c10::OutOfMemoryError& error) {
      spdlog::debug("{}", error.what_without_backtrace());
      return std::nullopt;
    }
  }

  const Embedder& embedder_;
  DecodeWatch decoder_;
  const double memory_limit_;  // of a test: more utterances at once are taken for too many
  std::size_t batch_size_;     // of the network's thread
  const std::size_t window_;   // decoded utterances that the network's thread chooses from
  WorkQueue<Range> todo_;
  WorkQueue<DecodedRow> clips_;
  WorkQueue<RowResult> results_;
  std::atomic<std::int64_t> undecoded_{0};  // rows submitted, and neither in clips_ nor in results_
  std::thread network_thread_;              // the threads last: they use the others
  ThreadCrew crew_;
};

}  // namespace

std::unique_ptr<RowEngine> make_batch_engine(const Manifest& manifest, const RowRules& rules,
                                             const Embedder& embedder, const EngineOptions& options) {
  return std::make_unique<BatchEngine>(manifest, rules, embedder, options);
}

}  // namespace balr
