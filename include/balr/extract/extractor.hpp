#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/data/vector_file.hpp"
#include "balr/extract/row_rules.hpp"
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
  std::filesystem::path reuse;  // --reuse: folder of an older extraction; empty: none

  // Vector files besides the store, as the Python balr keeps them: in save_dir, or beside the audio if that is empty. Rows that
  // have such a file already are taken from it, unless `force`. Absent: none.
  std::optional<VectorFormat> vector_format;

  std::string model_repo, model_name, config_name, model_revision = "main", model_dir;  // see ModelRequest
  EmbedderOptions embedder;
  RowRules rules;
  int threads = 1;      // CPU: utterances at once; device: decoding threads
  int batch_size = 64;  // device only: most utterances at once
  double max_failed_fraction = 0.01;
  double decode_timeout = 600;            // seconds that one file may take to decode
  std::filesystem::path decoder_program;  // balr-decode, which tries suspects

  std::string config_identity;  // Config::identity(kExtractIdentity)
  std::string config_yaml;      // written to <save_dir>/config.yaml
  std::string program_version;
};

// Reads the input, computes one embedding per row on all ranks and leaves in save_dir:
//   embeddings.h5 (row i = row i of the input), failures.csv, metadata.csv, sources.csv, config.yaml, run.json, progress.json,
// and the pointer file `<input>.embeddings` beside a CSV. Work is claimed by pieces of parts and published by rename, so a
// rerun with any number of ranks does only what is missing. Files that were being decoded when an earlier run died are first
// tried alone in child processes; those whose child dies or hangs get the status crashed.
// Returns kOk; kData if more rows failed than allowed (everything good is published); kStopped if `stop` was
// requested (what is finished is published). Collective. Throws Error.
ExitCode extract(const ExtractOptions& options, World& world, const StopFlag& stop);

}  // namespace balr
