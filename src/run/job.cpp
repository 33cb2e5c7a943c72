#include "balr/run/job.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace balr {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// Start time of a process that runs; -1 for none, or one that has ended and was not waited for.
long long start_of(long long pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = line.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return -1;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field, state;
  fields >> state;
  if (state == "Z" || state == "X") return -1;
  for (int i = 4; i <= 22; ++i) fields >> field;  // start time is field 22, counted from 1
  return fields ? std::strtoll(field.c_str(), nullptr, 10) : -1;
}

}  // namespace

JobInfo job_from_environment() {
  JobInfo job;
  job.id = variable("SLURM_JOB_ID");
  job.restart_count = std::atoi(variable("SLURM_RESTART_COUNT").c_str());
  const long long end = std::atoll(variable("SLURM_JOB_END_TIME").c_str());
  if (end > 0) job.end = std::chrono::system_clock::time_point(std::chrono::seconds(end));
  return job;
}

ProcessIdentity this_process() {
  ProcessIdentity me;
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  me.host = host;
  me.boot = first_line("/proc/sys/kernel/random/boot_id");
  char name[64] = {};
  if (readlink("/proc/self/ns/pid", name, sizeof name - 1) > 0) me.pid_namespace = name;
  me.pid = getpid();
  me.start = start_of(me.pid);
  return me;
}

bool same_host(const ProcessIdentity& other) {
  const ProcessIdentity me = this_process();
  return me.host == other.host && me.boot == other.boot && me.pid_namespace == other.pid_namespace;
}

bool is_running(const ProcessIdentity& other) { return other.start >= 0 && start_of(other.pid) == other.start; }

}  // namespace balr
