#pragma once
#include <map>
#include <optional>
#include <string>

#include "doctor/finding.hpp"

namespace balr {

// The lines "Name   = value" of `scontrol show config`.
std::map<std::string, std::string> parse_slurm_config(const std::string& text);

// What the cluster does to a job that meets its limit or is preempted, against what the job scripts expect.
Findings judge_slurm_config(const std::map<std::string, std::string>& config, std::optional<double> stop_before_end_minutes);

// Asks scontrol, if there is one; nothing elsewhere.
Findings examine_slurm(std::optional<double> stop_before_end_minutes);

}  // namespace balr
