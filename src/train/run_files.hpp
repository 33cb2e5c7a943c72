#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balr/run/run_state.hpp"
#include "train/background_writer.hpp"
#include "train/checkpoint.hpp"
#include "train/event_file.hpp"
#include "train/epoch_report.hpp"
#include "train/history.hpp"
#include "train/json_history.hpp"

namespace balr {

// What one run writes into its folder. Rank 0 only; weights and checkpoints are written by a background thread, in the
// order of the calls. Tensors handed in must be snapshots on the CPU that nobody changes any more. Throws IoError, also
// for an earlier write in the background.
class RunFiles {
 public:
  // `losses`: total_loss, MSE, ...; `resumed`: the checkpoint the run goes on from; `state`: what run.json holds;
  // `before_publish` throws if this run may not write there any more (called by the background thread).
  RunFiles(std::filesystem::path folder, std::vector<std::string> losses, const std::optional<CheckpointMeta>& resumed,
           RunState state, std::function<void()> before_publish);

  // Losses in the order of `losses`. `log`: train/* and what goes with them go to TensorBoard too.
  void add_epoch(const EpochReport& report, bool log);
  // What TensorBoard shows of the configuration.
  void add_hyper_parameters(const std::vector<HyperParameter>& parameters);
  void write_weights(const std::string& name, StateDict weights);
  // last.pt, a checkpoint (its history_offset is filled in) and the epoch in run.json.
  void write_checkpoint(Checkpoint checkpoint);
  bool idle() const { return writer_.idle(); }  // nothing is being written
  void finish();                                // returns when everything is on the disk

 private:
  std::filesystem::path folder_;
  std::vector<std::string> losses_;
  RunState state_;
  std::function<void()> before_publish_;
  History history_;
  JsonHistory json_;
  EventFile events_;
  BackgroundWriter writer_;
};

}  // namespace balr
