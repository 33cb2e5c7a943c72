#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "balr/run/job.hpp"

// run.json in the output folder: what a script, `balr status` or the next run wants to know. Written by rank 0, replaced as a whole.
namespace balr {

struct RunState {
  std::string command;            // "extract", "train"
  std::string state = "running";  // "running", "stopped" (resumable), "failed" or "complete"
  std::string stop_reason;        // of "stopped": StopFlag::reason(); of "failed": the error
  std::string identity;           // identity_hash of the run
  std::string job;
  int restart_count = 0;
  std::int64_t done = 0, failed = 0, total = 0;  // in `unit`
  std::string unit;               // "rows", "epochs"
  double per_second = 0;
  std::string version;            // of the program
  std::map<std::string, std::int64_t> counts;  // what else there is to know at the end, e.g. failed_decode
};

// At the start of a run: running, with this job's data and no reason, so that one of an earlier attempt cannot trigger anything.
RunState started_state(const std::string& command, const std::string& identity, const JobInfo& job = job_from_environment());

// Throws IoError.
void write_run_state(const std::filesystem::path& folder, const RunState& state);
// Nothing if there is none. Throws DataError if it cannot be understood, IoError.
std::optional<RunState> read_run_state(const std::filesystem::path& folder);

// progress.json: the same in finer steps, every ten seconds or so while the run goes on.
struct ProgressState {
  std::int64_t done = 0, failed = 0, total = 0;  // in `unit`
  std::string unit;
  double per_second = 0, seconds_left = 0;
  std::map<std::string, double> busy;  // shares of time by stage, 0 to 1
};
// Throws IoError.
void write_progress(const std::filesystem::path& folder, const ProgressState& state);

// All that run.json and progress.json say, as names and texts in their order; members of a table have names like busy.decode. Of
// a name in both, progress.json's while the run goes on, else run.json's. Empty if there is no run.json. Throws DataError if one
// cannot be understood, IoError.
std::vector<std::pair<std::string, std::string>> run_fields(const std::filesystem::path& folder);

}  // namespace balr
