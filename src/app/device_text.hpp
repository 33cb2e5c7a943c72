#pragma once
#include <string>

namespace balr {

// What --device says, in one spelling: cpu, cuda, cuda:N, cuda:N,M (each process takes one of
// them), or "" for a GPU if there is one. Read as the Python balr does: case, brackets, quotes,
// spaces, `cuda:` and `none` do not matter, and mps is cpu. Throws ConfigError, also for several
// GPUs without a launcher that starts a process for each.
std::string device_text(const std::string& typed);

}  // namespace balr
