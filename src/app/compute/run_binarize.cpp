#include <spdlog/spdlog.h>

#include "app/compute/runs.hpp"
#include "balr/bae/encoder.hpp"
#include "balr/binarize/binarizer.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

// The file says what shape the auto-encoder has; a key that says otherwise is a mistake.
void check_shape(const Config& config, const std::filesystem::path& file) {
  if (!config.was_set("encoder.model.input_dim") && !config.was_set("encoder.model.internal_dim"))
    return;
  const Encoder encoder = Encoder::load(file);
  const std::pair<const char*, std::int64_t> keys[] = {
      {"encoder.model.input_dim", encoder.input_dim()},
      {"encoder.model.internal_dim", encoder.attributes()}};
  for (const auto& [key, value] : keys)
    if (config.was_set(key) && config.integer(key) != value)
      throw ConfigError(std::string(key) + "=" + std::to_string(config.integer(key)) + ", but " +
                        file.string() + " has " + std::to_string(value) +
                        ": leave the key out, or give another checkpoint");
}

}  // namespace

ExitCode run_binarize(const BinarizeCommand& command, World& world, const StopFlag& stop) {
  BinarizeOptions options;
  all_agree(world, "checking the command line", [&] {
    options.input = command.input;
    options.root = command.root_dir;
    options.save_dir = command.save_dir.value_or("");
    options.audio_formats = command.audio_formats;
    options.force = command.force;
    options.save_output = command.save_output;
    options.encoder = command.config.text("encoder.model.checkpoint_path");
    options.config_yaml = command.config.to_yaml();
    options.program_version = BALR_VERSION;
    if (command.format != "hdf5")
      options.vector_format = command.format == "pkl" ? VectorFormat::kPickle : VectorFormat::kText;
    check_shape(command.config, options.encoder);
  });
  const auto wanted = static_cast<int>(command.config.integer("num_threads"));
  options.threads = wanted > 0 ? wanted : cores_of_rank(world);
  if (world.rank() == 0 && command.device != "cpu")
    spdlog::info("binarize computes on the CPU, whatever --device says");
  return binarize(options, world, stop);
}

}  // namespace balr
