#include "extract/decode_watch.hpp"

#include <map>
#include <mutex>

#include "balr/core/fault.hpp"
#include "balr/run/journal.hpp"
#include "extract/row_decoder.hpp"

namespace balr {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct DecodeWatch::Shared {
  Shared(const Manifest& manifest, const RowRules& rules, const Embedder& embedder) : decoder(manifest, rules, embedder) {}

  struct InWork {
    Range rows;
    std::thread::id thread;
    Clock::time_point since;
  };
  const RowDecoder decoder;
  StageClock clock;
  std::mutex mutex;
  std::map<std::int64_t, InWork> in_work;  // by the first row

  void begin(Range rows) {
    std::lock_guard lock(mutex);
    in_work[rows.begin] = {rows, std::this_thread::get_id(), Clock::now()};
  }
  // False if the rows were given up.
  bool end(Range rows) {
    std::lock_guard lock(mutex);
    return in_work.erase(rows.begin) == 1;
  }
};

DecodeWatch::DecodeWatch(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, Journal* journal)
    : manifest_(manifest), journal_(journal), shared_(std::make_shared<Shared>(manifest, rules, embedder)) {}

std::optional<std::vector<DecodedRow>> DecodeWatch::decode(Range rows) {
  const auto shared = shared_;
  const auto measure = shared->clock.measure();
  const std::string path = manifest_.rows[static_cast<std::size_t>(rows.begin)].path;
  shared->begin(rows);
  if (journal_) journal_->begin(rows);
  std::vector<DecodedRow> decoded;
  try {
    fault_point_at_path("decode", path);
    decoded = shared->decoder.decode(rows);
  } catch (...) {
    if (!shared->end(rows)) return std::nullopt;
    throw;
  }
  if (!shared->end(rows)) return std::nullopt;
  if (journal_) journal_->end(rows);
  return decoded;
}

std::vector<std::pair<Range, std::thread::id>> DecodeWatch::give_up(std::chrono::duration<double> limit) {
  std::vector<std::pair<Range, std::thread::id>> out;
  std::lock_guard lock(shared_->mutex);
  std::erase_if(shared_->in_work, [&](const auto& entry) {
    if (Clock::now() - entry.second.since < limit) return false;
    out.emplace_back(entry.second.rows, entry.second.thread);
    return true;
  });
  return out;
}

double DecodeWatch::seconds() const { return shared_->clock.seconds(); }

}  // namespace balr
