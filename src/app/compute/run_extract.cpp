#include <algorithm>
#include <cmath>

#include "app/compute/runs.hpp"
#include "app/config_files.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/device.hpp"
#include "balr/dist/gpu.hpp"
#include "balr/dist/world.hpp"
#include "balr/extract/extractor.hpp"

namespace balr {
namespace {

constexpr double kLongestWhole = 4 * 3600;  // seconds, with embeddings.long=whole

FbankOptions fbank_options(const Config& config) {
  FbankOptions out;
  out.num_mel_bins = static_cast<int>(config.integer("embeddings.model.features.num_mel_bins"));
  out.frame_length = static_cast<int>(config.integer("embeddings.model.features.frame_length"));
  out.frame_shift = static_cast<int>(config.integer("embeddings.model.features.frame_shift"));
  out.scale = static_cast<float>(config.real("embeddings.model.features.scale"));
  out.normalize_mean = config.flag("data.normalize_mean");
  out.normalize_var = config.flag("data.normalize_var");
  if (config.real("embeddings.model.features.dither") != 0)
    throw ConfigError("embeddings.model.features.dither must be 0: dither would make every run's embeddings different");
  return out;
}

// What embeddings.long, .max_seconds, .short and .min_seconds say.
RowRules row_rules(const Config& config) {
  RowRules out;
  const std::string mode = config.text("embeddings.long");
  const double longest = config.real("embeddings.max_seconds");
  out.min_seconds = config.real("embeddings.min_seconds");
  out.repeat_short = config.text("embeddings.short") == "repeat";
  if (!(longest > 0))
    throw ConfigError("embeddings.max_seconds must be more than 0, not " + std::to_string(longest));
  if (!(out.min_seconds >= 0) || out.min_seconds > longest || !std::isfinite(out.min_seconds))
    throw ConfigError("embeddings.min_seconds must be from 0 to embeddings.max_seconds, not " +
                      std::to_string(out.min_seconds));
  if (mode == "whole" && config.origin("embeddings.max_seconds") == "override")
    throw ConfigError(
        "embeddings.max_seconds has no effect with embeddings.long=whole: choose "
        "embeddings.long=chunk, truncate or refuse");
  // The network's memory grows with the length (220 KB a second on the CPU), so a whole has an end too; what is refused, cut or
  // divided is read up to a day, the default of the limits.
  if (mode == "whole") out.limits.max_seconds = kLongestWhole;
  if (mode == "refuse" || mode == "truncate")
    out.limits.max_seconds = std::min(out.limits.max_seconds, longest);
  out.limits.truncate = mode == "truncate";
  if (mode == "chunk") out.chunk_seconds = longest;
  return out;
}

}  // namespace

ExitCode run_extract(const ExtractCommand& command, World& world, const StopFlag& stop) {
  const Config& config = command.config;
  ExtractOptions options;
  all_agree(world, "checking the command line", [&] {
    options.input = command.input;
    options.root = command.root_dir;
    options.save_dir = command.save_dir.value_or("");
    options.audio_formats = command.audio_formats;
    options.force = command.force;
    options.save_output = command.save_output;
    options.model_repo = config.text("embeddings.model.model_repo");
    options.model_name = config.text("embeddings.model.model_name");
    options.config_name = config.text("embeddings.model.config_name");
    options.model_revision = config.text("embeddings.model.revision");
    options.model_dir = config.optional_text("embeddings.model.model_dir").value_or("");
    const c10::Device device = choose_device(command.device, world.local_rank(), count_gpus());
    options.embedder = {device.str(), config.text("embeddings.precision"), fbank_options(config),
                        config.text("embeddings.convolution")};
    options.rules = row_rules(config);
    options.reuse = command.reuse;
    if (const std::string format = config.text("embeddings.format"); format != "hdf5")
      options.vector_format = format == "pkl" ? VectorFormat::kPickle : VectorFormat::kText;
    options.decode_timeout = config.real("embeddings.decode_timeout");
    if (!(options.decode_timeout > 0 && options.decode_timeout < 1e6))
      throw ConfigError("embeddings.decode_timeout must be a number of seconds, not " + std::to_string(options.decode_timeout));
    options.decoder_program = program_folder() / "balr-decode";
    options.max_failed_fraction = config.real("embeddings.max_failed_fraction");
    // num_workers and batch_size mean "choose" unless the command line says otherwise: in a file they are meant for training.
    if (config.origin("data.batch_size") == "override") options.batch_size = static_cast<int>(config.integer("data.batch_size"));
    if (options.batch_size < 1) throw ConfigError("data.batch_size must be at least 1");
    options.config_identity = config.identity(KeyRole::kExtractIdentity);
    options.config_yaml = config.to_yaml();
    options.program_version = BALR_VERSION;
  });
  refuse_shared_gpus(world, c10::Device(options.embedder.device));
  const auto wanted = static_cast<int>(config.integer("num_threads"));
  const int cores = cores_of_rank(world);
  options.threads = wanted > 0 ? wanted : cores;
  if (options.embedder.device != "cpu" && config.origin("data.num_workers") == "override")
    options.threads = std::max(1, static_cast<int>(config.integer("data.num_workers")));
  return extract(options, world, stop);
}

}  // namespace balr
