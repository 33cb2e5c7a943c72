#include "extract/compute_parts.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/journal.hpp"
#include "balr/run/parts.hpp"
#include "balr/run/stop_flag.hpp"
#include "extract/part_folder.hpp"
#include "extract/same_file.hpp"

namespace balr {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// A stop waits this long for a row that is being decoded; rows in the network are waited for, but what else is finished is on the disk then.
constexpr Seconds kStopPatience{20};
// A row that hangs here and not in a child process is a file system that is slow: so often it is tried again.
constexpr int kMaxHangs = 3;

class Computation {
 public:
  Computation(World& world, ClaimClient& claims, const PartFolder& folder, const Manifest& manifest, RowEngine& engine,
              const ComputeRules& rules, RankProgress& progress)
      : world_(world), claims_(claims), folder_(folder), manifest_(manifest), engine_(engine), rules_(rules), progress_(progress) {}

  bool run(const StopFlag& stop, const std::function<void()>& between) {
    using namespace std::chrono_literals;
    while (true) {
      world_.tick();
      note_times();
      between();
      if (!stopping_ && (stop.requested() || claims_.stopped())) begin_stop();
      if (!stopping_) claim();
      watch_hangs();
      if (stopping_ && !late_ && Clock::now() - stop_begin_ > kStopPatience) publish_early();
      if (outstanding_ == 0 && claims_.finished()) break;
      if (const auto result = engine_.next(outstanding_ > 0 ? 10ms : 2ms)) take(*result);
    }
    if (stopping_) publish_fragments();
    note_times();
    return stopping_;
  }

 private:
  void begin_stop() {
    stopping_ = true;
    stop_begin_ = Clock::now();
    claims_.request_stop();
    outstanding_ -= engine_.cancel() + static_cast<std::int64_t>(trials_.size());
    trials_.clear();
  }

  void claim() {
    const std::int64_t wanted = engine_.appetite() - outstanding_;
    if (wanted <= 0) return;
    const auto rows = claims_.next(wanted);
    if (!rows) return;
    PartBuffer buffer = folder_.buffer(*rows);
    if (rules_.reuse) reuse(buffer);
    const std::vector<std::int64_t> pending = buffer.pending();
    if (pending.empty()) return publish(buffer);
    open_.emplace(buffer.range().end, std::move(buffer));
    for (const Range& run : same_file_runs(manifest_, pending)) submit(run);
  }

  void reuse(PartBuffer& buffer) {
    for (const std::int64_t row : buffer.pending()) {
      world_.tick();
      if (const auto result = rules_.reuse(row)) {
        buffer.put(*result);
        ++progress_.rows_done;
        ++progress_.rows_reused;
      }
    }
  }

  void submit(Range rows) {
    engine_.submit(rows);
    outstanding_ += rows.size();
  }

  void take(const RowResult& result) {
    --outstanding_;
    ++progress_.rows_done;
    if (result.status != RowStatus::kOk) ++progress_.rows_failed;
    const auto at = open_.upper_bound(result.row);  // the first piece that ends behind the row
    BALR_CHECK(at != open_.end());
    at->second.put(result);
    if (!at->second.complete()) return;
    publish(at->second);
    open_.erase(at);
  }

  void publish(const PartBuffer& buffer) {
    write(buffer);
    claims_.done(buffer.range());
  }

  void write(const PartBuffer& buffer) {
    if (!rules_.save) return;
    const auto begin = Clock::now();
    rules_.before_publish();
    folder_.publish(buffer);
    progress_.write += Seconds(Clock::now() - begin).count();
  }

  // So that a kill after the stop costs no more than the rows that take so long. Those have fragments of their own, later.
  void publish_early() {
    late_ = true;
    spdlog::warn("the stop waits for {} rows that are being computed; what else is finished is on the disk", outstanding_);
    for (const auto& [end, buffer] : open_)
      if (!buffer.untouched()) write(buffer);
  }

  void publish_fragments() {
    for (const auto& [end, buffer] : open_)
      if (!buffer.untouched()) write(buffer);
    open_.clear();
  }

  // Rows whose decoder does not come back: tried alone, while the others go on.
  void watch_hangs() {
    if (Clock::now() - watched_ < std::chrono::milliseconds(200)) return;
    watched_ = Clock::now();
    const Seconds limit(rules_.trial.timeout_seconds);
    for (const Range& rows : engine_.give_up(stopping_ ? std::min(limit, kStopPatience) : limit)) {
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        if (stopping_) {
          --outstanding_;  // stays open for the next run
          continue;
        }
        spdlog::warn("row {} has been decoding for {:g} s: trying {} in a process of its own", row, limit.count(),
                     manifest_.rows[static_cast<std::size_t>(row)].path);
        trials_.emplace_back(rules_.trial, manifest_, row);
      }
    }
    std::vector<std::pair<std::int64_t, std::string>> ends;
    std::erase_if(trials_, [&](Trial& trial) {
      const auto end = trial.poll();
      if (end) ends.emplace_back(trial.row(), *end);
      return end.has_value();
    });
    for (const auto& [row, reason] : ends) judge(row, reason);
  }

  void judge(std::int64_t row, const std::string& reason) {
    if (rules_.journal) rules_.journal->end({row, row + 1});
    if (reason.empty() && ++hangs_[row] < kMaxHangs) {
      --outstanding_;
      return submit({row, row + 1});
    }
    if (reason.empty())
      throw IoError("reading " + manifest_.rows[static_cast<std::size_t>(row)].path +
                    " takes longer than embeddings.decode_timeout again and again, but not in a process of its own: the file "
                    "system is too slow at the moment; run the same command again later");
    RowResult result;
    result.row = row;
    result.status = RowStatus::kCrashed;
    result.reason = reason;
    take(result);
  }

  void note_times() {
    const StageSeconds seconds = engine_.seconds();
    const double wall = Seconds(Clock::now() - begin_).count();
    progress_.decode = seconds.decode;
    progress_.features = seconds.features;
    progress_.network = seconds.network;
    progress_.decode_time = wall * engine_.decode_threads();
    progress_.network_time = wall * engine_.network_threads();
    progress_.write_time = wall;
  }

  World& world_;
  ClaimClient& claims_;
  const PartFolder& folder_;
  const Manifest& manifest_;
  RowEngine& engine_;
  const ComputeRules& rules_;
  RankProgress& progress_;

  bool stopping_ = false, late_ = false;
  std::int64_t outstanding_ = 0;              // rows claimed whose result is to come
  std::map<std::int64_t, PartBuffer> open_;   // claimed and not yet published, by the end of the range
  std::vector<Trial> trials_;
  std::map<std::int64_t, int> hangs_;
  Clock::time_point begin_ = Clock::now(), watched_ = begin_, stop_begin_ = begin_;
};

}  // namespace

bool compute_parts(World& world, ClaimClient& claims, const PartFolder& folder, const Manifest& manifest, RowEngine& engine,
                   const StopFlag& stop, const ComputeRules& rules, RankProgress& progress, const std::function<void()>& between) {
  return Computation(world, claims, folder, manifest, engine, rules, progress).run(stop, between);
}

}  // namespace balr
