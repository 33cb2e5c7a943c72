#pragma once
#include <filesystem>
#include <optional>

#include "balr/run/lease.hpp"
#include "balr/run/run_state.hpp"
#include "balr/train/trainer.hpp"

namespace balr {

class World;

// The output folder of this run, ready to be written to.
struct RunFolder {
  std::filesystem::path path;
  bool finished = false;       // the same run is finished there already: nothing is to be done, nothing was touched
  RunState state;              // as in run.json
  std::optional<Lease> lease;  // rank 0's

  // Rank 0: throws IoError if another run has taken the folder over, which one that was suspended must expect.
  void check_owned() const;
};

// Collective. Chooses the folder on rank 0, takes its lease and leaves run.json and config.yaml in it.
// Throws ConfigError (see choose_folder; another process writes there), IoError.
RunFolder open_run_folder(const TrainOptions& options, const std::string& identity, World& world);

}  // namespace balr
