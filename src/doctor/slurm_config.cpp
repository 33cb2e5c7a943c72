#include "doctor/slurm_config.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

namespace balr {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string value_of(const std::map<std::string, std::string>& config, const std::string& name) {
  const auto at = config.find(name);
  return at == config.end() ? "" : at->second;
}

}  // namespace

std::map<std::string, std::string> parse_slurm_config(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equal = line.find('=');
    if (equal != std::string::npos) out[trimmed(line.substr(0, equal))] = trimmed(line.substr(equal + 1));
  }
  return out;
}

Findings judge_slurm_config(const std::map<std::string, std::string>& config, std::optional<double> stop_before_end_minutes) {
  Findings found;
  const std::string requeue = value_of(config, "JobRequeue");
  if (requeue == "0")
    found.push_back(note("slurm", "JobRequeue=0: jobs are not requeued here unless they say --requeue (the job scripts do); if "
                                  "the site forbids even that, submit with slurm/chain.sh"));
  else if (!requeue.empty())
    found.push_back(ok("slurm", "JobRequeue=" + requeue));

  const std::string preempt = value_of(config, "PreemptMode");
  if (preempt.find("CANCEL") != std::string::npos)
    found.push_back(note("slurm", "PreemptMode=" + preempt + ": a preempted job is cancelled and never comes back by itself; submit "
                                  "with slurm/chain.sh, whose next job goes on"));
  else if (!preempt.empty())
    found.push_back(ok("slurm", "PreemptMode=" + preempt));

  // "30 sec"
  const std::string kill_wait = value_of(config, "KillWait");
  const double seconds = std::atof(kill_wait.c_str());
  if (!kill_wait.empty()) {
    const bool stops_itself = stop_before_end_minutes && *stop_before_end_minutes * 60 >= 60;
    if (!stops_itself && seconds < 60)
      found.push_back(note("slurm", "KillWait=" + kill_wait + ": at its limit a job has that long between SIGTERM and SIGKILL; give "
                                    "--stop-before-end 3 (the job scripts do), so that it stops in time by itself"));
    else
      found.push_back(ok("slurm", "KillWait=" + kill_wait));
  }
  return found;
}

Findings examine_slurm(std::optional<double> stop_before_end_minutes) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen("scontrol show config 2>/dev/null", "r"), pclose);
  if (!pipe) return {};
  std::string text;
  char block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, pipe.get())) > 0;) text.append(block, n);
  if (text.empty()) return {note("slurm", "scontrol does not answer here: settings of the cluster were not examined")};
  return judge_slurm_config(parse_slurm_config(text), stop_before_end_minutes);
}

}  // namespace balr
