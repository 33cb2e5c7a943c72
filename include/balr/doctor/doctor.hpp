#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace balr {

class World;

struct DoctorOptions {
  std::string device = "cpu";                    // as --device
  std::filesystem::path folder;                  // where results will be written; empty: not examined
  std::optional<double> stop_before_end_minutes; // as --stop-before-end, compared with the cluster's KillWait
};

// Collective. Examines what a run depends on, before it depends on it: each rank's node and device, library versions, an
// all-reduce of known values and its speed on every back end, the output folder, the model cache, the cluster's settings.
// Rank 0 prints one line a check on the standard output, ending with what to do about each fault. Returns the number of faults.
int examine(World& world, const DoctorOptions& options);

}  // namespace balr
