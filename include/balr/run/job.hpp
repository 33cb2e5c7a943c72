#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace balr {

// The batch job that this process belongs to, from Slurm's environment.
struct JobInfo {
  std::string id;         // SLURM_JOB_ID; empty outside of a job
  int restart_count = 0;  // SLURM_RESTART_COUNT
  std::optional<std::chrono::system_clock::time_point> end;  // SLURM_JOB_END_TIME (Slurm 22.05 and later)
};
JobInfo job_from_environment();

// A process, so that another one on the same host can tell whether it still runs.
struct ProcessIdentity {
  std::string host, boot, pid_namespace;  // the latter two tell containers and reboots apart
  long long pid = 0;
  long long start = 0;  // clock ticks since boot: a pid may be used again
};
ProcessIdentity this_process();
// Whether `other` ran on this machine, where its pid can be looked up.
bool same_host(const ProcessIdentity& other);
// Whether it still runs; only if same_host().
bool is_running(const ProcessIdentity& other);

}  // namespace balr
