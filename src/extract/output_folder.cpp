#include "extract/output_folder.hpp"

#include "balr/core/error.hpp"
#include "extract/metadata_table.hpp"

namespace balr {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(fs::path folder, const StoreInfo& info) : folder_(std::move(folder)), info_(info) {}

fs::path OutputFolder::store() const { return folder_ / kStoreName; }

bool OutputFolder::finished(bool force) const {
  std::error_code error;
  if (force || !fs::exists(store(), error)) return false;
  if (read_store_info(store()).identity == info_.identity) return true;
  throw DataError(store().string() +
                  " was made from another input, model or configuration: choose another --save-dir, or replace it with --force");
}

MergeCounts OutputFolder::finished_counts(const std::function<void()>& meanwhile) {
  const auto state = read_run_state(folder_);
  const bool tidy = state && state->state == "complete" && state->identity == info_.identity;
  MergeCounts counts;
  if (tidy) {
    counts.rows = state->done;
    counts.failed = state->failed;
    for (const auto& [name, rows] : state->counts)
      if (name.starts_with("failed_")) counts.reasons[name.substr(7)] = rows;
    return counts;
  }
  counts = count_rows(store());
  open(false, meanwhile);
  note_start(info_.program_version);
  note_end(counts, 0);
  fs::remove_all(folder_ / "parts");
  release();
  lease_.reset();
  return counts;
}

void OutputFolder::open(bool force, const std::function<void()>& meanwhile) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw IoError("cannot create the folder " + folder_.string() + ": " + error.message());
  lease_ = Lease::acquire(folder_, {}, meanwhile);
  if (!force) return;
  for (const char* name : {kStoreName, "failures.csv", "metadata.csv", "sources.csv", "progress.json"})
    fs::remove(folder_ / name);
  fs::remove_all(folder_ / "parts");
}

void OutputFolder::note_start(const std::string& version) {
  state_ = started_state("extract", info_.identity);
  state_.total = info_.total_rows;
  state_.unit = "rows";
  state_.version = version;
  write_run_state(folder_, state_);
}

void OutputFolder::note_stop(const std::string& reason, std::int64_t done, double per_second) {
  state_.state = "stopped";
  state_.stop_reason = reason;
  state_.done = done;
  state_.per_second = per_second;
  write_run_state(folder_, state_);
}

void OutputFolder::note_end(const MergeCounts& counts, double per_second) {
  state_.state = "complete";
  state_.done = counts.rows;
  state_.failed = counts.failed;
  state_.per_second = per_second;
  state_.counts = count_table(counts);
  write_run_state(folder_, state_);
}

void OutputFolder::release() { lease_->release(); }

}  // namespace balr
