#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/data/audio.hpp"
#include "balr/run/stop_flag.hpp"
#include "balr/speech/embedder.hpp"

namespace balr {

class World;

// Everything one extraction needs; paths are absolute or relative to the working folder.
struct ExtractOptions {
  std::filesystem::path input;     // CSV, folder or file
  std::filesystem::path root;      // relative paths of the CSV start here (empty: the CSV's folder)
  std::filesystem::path save_dir;  // empty: "<input stem>_embeddings" beside the input
  std::vector<std::string> audio_formats;
  bool force = false;        // replace results of another configuration, and other runs' pointers
  bool save_output = true;   // false: compute and throw away (a rehearsal)

  std::string model_repo, model_name, config_name, model_revision = "main", model_dir;  // see ModelRequest
  EmbedderOptions embedder;
  AudioLimits limits;
  int threads = 1;      // CPU: utterances at once; device: decoding threads
  int batch_size = 32;  // device only
  double max_failed_fraction = 0.01;

  std::string config_identity;  // Config::identity(kExtractIdentity)
  std::string config_yaml;      // written to <save_dir>/config.yaml
  std::string program_version;
};

// Reads the input, computes one embedding per row on all ranks and leaves in save_dir:
//   embeddings.h5 (row i = row i of the input), failures.csv, metadata.csv, config.yaml, run.json,
// and the pointer file `<input>.embeddings` beside a CSV. Work is claimed by parts and published by rename, so a
// rerun with any number of ranks does only what is missing.
// Returns kOk; kData if more rows failed than allowed (everything good is published); kStopped if `stop` was
// requested (what is finished is published). Collective. Throws Error.
ExitCode extract(const ExtractOptions& options, World& world, const StopFlag& stop);

}  // namespace balr
