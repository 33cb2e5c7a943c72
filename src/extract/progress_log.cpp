#include "extract/progress_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/run_state.hpp"

namespace balr {
namespace {

constexpr std::chrono::seconds kFileInterval{10};

std::string note_of(const RankProgress& sum) {
  std::string note = std::to_string(sum.rows_failed) + " failed, ";
  if (sum.rows_reused > 0) note += std::to_string(sum.rows_reused) + " reused, ";
  return note + busy_text(sum);
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

ProgressLog::ProgressLog(World& world, std::filesystem::path folder, std::int64_t before, std::int64_t total)
    : world_(world),
      folder_(std::move(folder)),
      before_(before),
      total_(total),
      done_(before),
      board_(world),
      progress_("extract", "rows", before, total, world.rank() == 0) {}

void ProgressLog::update(const RankProgress& mine) {
  board_.report(mine);
  if (world_.rank() != 0) return;
  const RankProgress sum = board_.sum();
  done_ = std::min(total_, before_ + sum.rows_done);
  progress_.update(done_, note_of(sum));
  if (std::chrono::steady_clock::now() - written_ >= kFileInterval) write_file(sum);
}

void ProgressLog::finish(const RankProgress& mine, bool complete) {
  const RankProgress sum = board_.gather(mine);
  if (world_.rank() != 0) return;
  done_ = complete ? total_ : std::min(total_, before_ + sum.rows_done);
  progress_.finish(done_, note_of(sum));
  write_file(sum);
}

void ProgressLog::write_file(const RankProgress& sum) {
  written_ = std::chrono::steady_clock::now();
  if (folder_.empty()) return;
  ProgressState state;
  state.done = done_;
  state.failed = sum.rows_failed;
  state.total = total_;
  state.unit = "rows";
  state.per_second = progress_.per_second();
  state.seconds_left = state.per_second > 0 ? static_cast<double>(total_ - done_) / state.per_second : 0;
  state.busy = {{"decode", share(sum.decode, sum.decode_time)},
                {"features", share(sum.features, sum.network_time)},
                {"network", share(sum.network, sum.network_time)},
                {"write", share(sum.write, sum.write_time)}};
  try {
    write_progress(folder_, state);
  } catch (const IoError& error) {  // nothing is lost with it; the disk that is full will say so itself
    spdlog::warn("{}", error.what());
  }
}

}  // namespace balr
