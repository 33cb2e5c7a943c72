#include <algorithm>
#include <atomic>
#include <thread>

#include "extract/batch_computer.hpp"
#include "extract/decode_watch.hpp"
#include "extract/row_engine.hpp"
#include "extract/sample_budget.hpp"
#include "extract/thread_crew.hpp"
#include "extract/work_queue.hpp"

namespace balr {
namespace {

class BatchEngine final : public RowEngine {
 public:
  BatchEngine(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, const EngineOptions& options)
      : embedder_(embedder),
        decoder_(manifest, rules, embedder, options.journal),
        computer_(embedder, {.batch_size = options.batch_size, .rank = options.rank, .journal = options.journal}, [this](RowResult result) { results_.push(std::move(result)); }),
        budget_(2 * computer_.window_samples()),
        network_thread_([this] { guarded([this] { compute(); }); }),
        crew_(options.threads, [this] { guarded([this] { decode(); }); }) {}

  ~BatchEngine() override {
    todo_.close();
    clips_.close();
    budget_.close();
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
  std::int64_t appetite() const override { return computer_.window_rows() + 2 * crew_.size(); }
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
          budget_.acquire(static_cast<std::int64_t>(row.clip.samples.size()));
          clips_.push(std::move(row));
        } else {
          results_.push(std::move(row.result));
        }
        --undecoded_;
      }
    }
  }

  // Computes when enough rows are there to choose from, or when no more come before some are computed.
  void compute() {
    using namespace std::chrono_literals;
    while (!todo_.closed()) {
      auto clip = clips_.pop_for(10ms);
      const bool got = clip.has_value();
      if (got) computer_.add(std::move(*clip));
      const bool dry = !got && (undecoded_ == 0 || budget_.exhausted());
      while (computer_.full() || (dry && !computer_.empty())) {
        const std::int64_t before = computer_.waiting_samples();
        computer_.start();
        budget_.release(before - computer_.waiting_samples());
      }
      if (!got) computer_.drain();
    }
  }

  const Embedder& embedder_;
  DecodeWatch decoder_;
  BatchComputer computer_;  // of the network's thread
  SampleBudget budget_;      // of clips_ and of what waits in computer_
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
