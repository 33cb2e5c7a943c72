#include <algorithm>
#include <thread>

#include "balr/core/fault.hpp"
#include "balr/run/crash_note.hpp"
#include "extract/decode_watch.hpp"
#include "extract/row_engine.hpp"
#include "extract/thread_crew.hpp"
#include "extract/work_queue.hpp"

namespace balr {
namespace {

class CpuEngine final : public RowEngine {
 public:
  CpuEngine(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, const EngineOptions& options)
      : manifest_(manifest),
        embedder_(embedder),
        journal_(options.journal),
        decoder_(manifest, rules, embedder, options.journal),
        slowness_(fault_number("slow", "extract.row", options.rank)),
        crew_(options.threads, [this] { run(); }) {}

  ~CpuEngine() override {
    todo_.close();
    crew_.join();
  }

  void submit(Range rows) override { todo_.push(rows); }
  std::optional<RowResult> next(std::chrono::milliseconds wait) override { return results_.pop_for(wait); }
  std::int64_t cancel() override {
    std::int64_t rows = 0;
    for (const Range& range : todo_.drain()) rows += range.size();
    return rows;
  }
  // A row in each thread, and a few that wait for the first one that is free.
  std::int64_t appetite() const override { return crew_.size() + std::max(1, crew_.size() / 4); }
  std::vector<Range> give_up(std::chrono::duration<double> limit) override {
    std::vector<Range> out;
    for (const auto& [rows, thread] : decoder_.give_up(limit)) {
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
  int network_threads() const override { return crew_.size(); }

 private:
  void run() {
    try {
      while (const auto rows = todo_.pop()) {
        const auto begin = std::chrono::steady_clock::now();
        auto decoded = decoder_.decode(*rows);
        if (!decoded) return;  // this thread was given up
        for (DecodedRow& row : *decoded) results_.push(compute(std::move(row)));
        if (slowness_ > 1) std::this_thread::sleep_for((slowness_ - 1) * (std::chrono::steady_clock::now() - begin));
      }
    } catch (...) {
      results_.fail(std::current_exception());
    }
  }

  RowResult compute(DecodedRow row) {
    if (!row.ready()) return std::move(row.result);
    const CrashNote note(journal_, {row.result.row});
    fault_point_at_path("network", manifest_.rows[static_cast<std::size_t>(row.result.row)].path);
    std::vector<float> embedding = embed_row(embedder_, row);
    return finish_row(std::move(row), std::move(embedding));
  }

  const Manifest& manifest_;
  const Embedder& embedder_;
  const Journal* journal_;
  DecodeWatch decoder_;
  const double slowness_;  // of a test that slows this rank down
  WorkQueue<Range> todo_;
  WorkQueue<RowResult> results_;
  ThreadCrew crew_;  // last: its threads use the others
};

}  // namespace

std::unique_ptr<RowEngine> make_cpu_engine(const Manifest& manifest, const RowRules& rules,
                                           const Embedder& embedder, const EngineOptions& options) {
  return std::make_unique<CpuEngine>(manifest, rules, embedder, options);
}

}  // namespace balr
