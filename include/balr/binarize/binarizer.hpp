#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/run/stop_flag.hpp"

namespace balr {

class World;

struct BinarizeOptions {
  std::filesystem::path input;     // embeddings: whatever open_vectors() takes
  std::filesystem::path root;      // relative paths of a CSV start here (empty: the CSV's folder)
  std::filesystem::path save_dir;  // empty: "<input stem>_attributes" beside the input
  std::vector<std::string> audio_formats;
  bool force = false;       // replace results of another run, and other runs' pointers
  bool save_output = true;  // false: compute and throw away (a rehearsal)
  // `_ba` files besides the store, as the Python balr keeps them: in save_dir, or beside what a row
  // refers to (audio, else its embedding's file) if that is empty. Absent: none.
  std::optional<VectorFormat> vector_format;
  std::filesystem::path encoder;  // encoder.model.checkpoint_path
  int threads = 1;
  std::string config_yaml;  // written to <save_dir>/config.yaml
  std::string program_version;
};

// Encodes each embedding of the input with the trained auto-encoder, on all ranks, and leaves in
// save_dir:
//   attributes.h5 (row i = row i of the input; rows that failed keep their status), failures.csv,
//   metadata.csv (the input's columns and `binary_attributes`), config.yaml, run.json,
// and the pointer file `<input>.attributes` beside a CSV. The same bytes on any number of ranks and
// threads. Work is claimed by pieces of parts and published by rename, so a rerun does only what is
// missing. Returns kOk, or kStopped if `stop` was requested. Collective. Throws Error: DataError
// where the vectors are not as long as the encoder's input, or the folder holds another run's
// results.
ExitCode binarize(const BinarizeOptions& options, World& world, const StopFlag& stop);

}  // namespace balr
