#include <thread>

#include "extract/row_engine.hpp"
#include "extract/row_work.hpp"
#include "extract/work_queue.hpp"

namespace balr {
namespace {

class CpuEngine final : public RowEngine {
 public:
  CpuEngine(const Manifest& manifest, const AudioLimits& limits, const Embedder& embedder, int threads)
      : manifest_(manifest), loader_(embedder.rate(), limits), embedder_(embedder) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }

  ~CpuEngine() override {
    todo_.close();
    for (std::thread& thread : threads_) thread.join();
  }

  void submit(std::int64_t row) override { todo_.push(row); }
  std::optional<RowResult> next(std::chrono::milliseconds wait) override { return results_.pop_for(wait); }
  std::vector<std::int64_t> cancel() override { return todo_.drain(); }
  std::int64_t appetite() const override { return 2 * static_cast<std::int64_t>(threads_.size()); }

 private:
  void run() {
    while (const auto row = todo_.pop()) {
      try {
        DecodedRow decoded = decode_row(manifest_, *row, loader_, embedder_);
        if (!decoded.ready()) {
          results_.push(std::move(decoded.result));
          continue;
        }
        std::vector<float> embedding = embedder_.embed(decoded.clip.samples);
        results_.push(finish_row(std::move(decoded), std::move(embedding)));
      } catch (...) {
        results_.fail(std::current_exception());
        return;
      }
    }
  }

  const Manifest& manifest_;
  const AudioLoader loader_;
  const Embedder& embedder_;
  WorkQueue<std::int64_t> todo_;
  WorkQueue<RowResult> results_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<RowEngine> make_cpu_engine(const Manifest& manifest, const AudioLimits& limits,
                                           const Embedder& embedder, int threads) {
  return std::make_unique<CpuEngine>(manifest, limits, embedder, threads);
}

}  // namespace balr
