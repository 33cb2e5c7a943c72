#pragma once
#include <filesystem>
#include <string>

#include "balr/core/error.hpp"
#include "balr/dataset/vector_table.hpp"
#include "balr/train/train_settings.hpp"

namespace balr {

class StopFlag;
class World;

struct TrainOptions {
  std::filesystem::path train_input, test_input;
  std::filesystem::path save_dir = "runs/train";
  std::filesystem::path root_dir;    // --root-dir; empty: the CSV's folder
  std::string device = "cpu";        // behaviour of --device: cpu, cuda, cuda:N, N, a list N,M
  bool exist_ok = false;
  bool resume = true;                // false: --no-resume
  bool must_resume = false;
  TrainSettings settings;
  std::string config_yaml;           // the resolved configuration, written to config.yaml
  std::string config_identity;       // Config::identity(KeyRole::kTrainIdentity)
  std::string program_version;
};

// Collective. `balr train`: opens both inputs, chooses the output folder, trains or goes on with a run, and writes
// last.pt, best.pt, epoch<e>.pt, history.csv, TensorBoard events, config.yaml and checkpoints/. Nothing is created
// before all arguments and data are checked.
// Returns kOk, also if the same run is finished there already; kStopped on rank 0 (kOk on the others) if a stop was
// requested on any rank. When it returns, everything is on the disk. Throws Error.
ExitCode train(const TrainOptions& options, World& world, const StopFlag& stop);

// The same on tables that are in memory already; the inputs' paths are not looked at.
ExitCode train_on_tables(const TrainOptions& options, VectorTable train, VectorTable test, World& world,
                         const StopFlag& stop);

}  // namespace balr
