#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/background_writer.hpp"
#include "train/checkpoint.hpp"
#include "train/event_file.hpp"
#include "train/history.hpp"

namespace balr {

// What one run writes into its folder. Rank 0 only; weights and checkpoints are written by a background thread, in the
// order of the calls. Tensors handed in must be snapshots on the CPU that nobody changes any more. Throws IoError, also
// for an earlier write in the background.
class RunFiles {
 public:
  // `losses`: total_loss, MSE, ...; `resumed`: the checkpoint the run goes on from.
  RunFiles(std::filesystem::path folder, std::vector<std::string> losses, const std::optional<CheckpointMeta>& resumed);

  // Values in the order of `losses`; `test` empty: no validation in this epoch. `log`: train/* go to TensorBoard too.
  void add_epoch(std::int64_t epoch, std::span<const float> train, std::span<const float> test, bool log);
  void write_weights(const std::string& name, StateDict weights);
  // last.pt and a checkpoint; fills in its history_offset.
  void write_checkpoint(Checkpoint checkpoint);
  bool idle() const { return writer_.idle(); }  // nothing is being written
  void finish();                                // returns when everything is on the disk

 private:
  std::filesystem::path folder_;
  std::vector<std::string> losses_;
  History history_;
  EventFile events_;
  BackgroundWriter writer_;
};

}  // namespace balr
