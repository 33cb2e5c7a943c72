#include <algorithm>
#include <atomic>
#include <thread>

#include "extract/row_engine.hpp"
#include "extract/row_work.hpp"
#include "extract/work_queue.hpp"

namespace balr {
namespace {

// How many batches' worth of decoded audio the batching thread chooses from: the more, the less padding.
constexpr int kWindowBatches = 4;
// Padded seconds of one batch; bounds the device's memory whatever the files' lengths.
constexpr double kMaxBatchSeconds = 600;

class BatchEngine final : public RowEngine {
 public:
  BatchEngine(const Manifest& manifest, const AudioLimits& limits, const Embedder& embedder, int decode_threads,
              int batch_size)
      : manifest_(manifest),
        loader_(embedder.rate(), limits),
        embedder_(embedder),
        batch_size_(static_cast<std::size_t>(batch_size)) {
    for (int i = 0; i < decode_threads; ++i) threads_.emplace_back([this] { guarded([this] { decode(); }); });
    threads_.emplace_back([this] { guarded([this] { compute(); }); });
  }

  ~BatchEngine() override {
    todo_.close();
    clips_.close();
    for (std::thread& thread : threads_) thread.join();
  }

  void submit(std::int64_t row) override {
    ++undecoded_;
    todo_.push(row);
  }
  std::optional<RowResult> next(std::chrono::milliseconds wait) override { return results_.pop_for(wait); }
  std::vector<std::int64_t> cancel() override {
    auto rows = todo_.drain();
    undecoded_ -= static_cast<std::int64_t>(rows.size());
    return rows;
  }
  std::int64_t appetite() const override {
    return static_cast<std::int64_t>(kWindowBatches * batch_size_ + 2 * threads_.size());
  }

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
    while (const auto row = todo_.pop()) {
      DecodedRow decoded = decode_row(manifest_, *row, loader_, embedder_);
      if (decoded.ready()) {
        clips_.push_bounded(std::move(decoded), kWindowBatches * batch_size_);
      } else {
        results_.push(std::move(decoded.result));
      }
      --undecoded_;
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
      while (window.size() >= kWindowBatches * batch_size_ || (dry && !window.empty())) take_batch(window);
    }
  }

  bool closing(const std::vector<DecodedRow>& window) { return window.empty() && todo_.closed(); }

  // The longest clips first: what is short may still find mates of its length.
  void take_batch(std::vector<DecodedRow>& window) {
    std::stable_sort(window.begin(), window.end(), [](const DecodedRow& a, const DecodedRow& b) {
      return a.clip.samples.size() < b.clip.samples.size();
    });
    const double longest = static_cast<double>(window.back().clip.samples.size()) / window.back().clip.rate;
    const auto fitting = static_cast<std::size_t>(std::max(1.0, kMaxBatchSeconds / std::max(longest, 1e-3)));
    const std::size_t count = std::min({window.size(), batch_size_, fitting});
    std::vector<DecodedRow> batch(std::make_move_iterator(window.end() - static_cast<std::ptrdiff_t>(count)),
                                  std::make_move_iterator(window.end()));
    window.resize(window.size() - count);
    std::vector<std::span<const float>> samples;
    for (const DecodedRow& row : batch) samples.emplace_back(row.clip.samples);
    auto embeddings = embedder_.embed_batch(samples);
    for (std::size_t i = 0; i < batch.size(); ++i)
      results_.push(finish_row(std::move(batch[i]), std::move(embeddings[i])));
  }

  const Manifest& manifest_;
  const AudioLoader loader_;
  const Embedder& embedder_;
  const std::size_t batch_size_;
  WorkQueue<std::int64_t> todo_;
  WorkQueue<DecodedRow> clips_;
  WorkQueue<RowResult> results_;
  std::atomic<std::int64_t> undecoded_{0};  // submitted, and neither in clips_ nor in results_
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<RowEngine> make_batch_engine(const Manifest& manifest, const AudioLimits& limits,
                                             const Embedder& embedder, int decode_threads, int batch_size) {
  return std::make_unique<BatchEngine>(manifest, limits, embedder, decode_threads, batch_size);
}

}  // namespace balr
