#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "balr/weights/state_dict.hpp"

// A checkpoint is the folder <run>/checkpoints/step-<n>/ with model.pt, optimizer.pt and meta.json (which holds the
// SHA-256 of the others and of itself). It appears whole or not at all.
namespace balr {

// Where a run stands: everything but the tensors.
struct CheckpointMeta {
  std::int64_t step = 0;                // optimizer steps done since the start of the run
  std::int64_t epoch = 0;               // the epoch to go on with ...
  std::int64_t next_batch = 0;          // ... and its next batch; == batches: only the end of the epoch is left to do
  std::vector<double> sums;             // over the epoch's batches so far: total, then each loss
  std::optional<double> best_fitness;   // of the best validation so far
  std::int64_t best_epoch = -1;
  std::int64_t seed = 0;
  std::int64_t history_offset = 0;      // bytes of history.csv that belong to finished epochs
  bool finished = false;                // every epoch is done
  std::string identity;                 // hash of the configuration keys that change numbers
  std::string train_hash, test_hash;    // VectorTable::content_hash
  int world_size = 1;                   // ranks that ran
  std::string arithmetic;               // "canonical": the same bytes on any rank count; else the collective and device
  std::string program_version;
  friend bool operator==(const CheckpointMeta&, const CheckpointMeta&) = default;
};

// As text and back, every number exactly.
std::string to_text(const CheckpointMeta& meta);
CheckpointMeta meta_from_text(const std::string& text);

struct Checkpoint {
  CheckpointMeta meta;
  StateDict model;
  StateDict optimizer;  // Adam's moments and step counts, weights of losses
};

// Saves below `run_folder` (in place of one of the same step), then removes all but the newest `keep` valid ones.
// Throws IoError.
void save_checkpoint(const std::filesystem::path& run_folder, const Checkpoint& checkpoint, int keep);

// The newest checkpoint whose files all have the SHA-256 they should; damaged ones are skipped with a warning that names
// them. Nothing if there is none.
std::optional<Checkpoint> load_newest_checkpoint(const std::filesystem::path& run_folder);
// The same without its tensors (their hashes are checked too).
std::optional<CheckpointMeta> newest_checkpoint_meta(const std::filesystem::path& run_folder);

}  // namespace balr
