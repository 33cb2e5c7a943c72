#include <spdlog/spdlog.h>

#include "app/compute/runs.hpp"
#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "balr/speech/model_init.hpp"

namespace balr {
namespace {

constexpr std::size_t kClips = 32;  // spread over the input; enough for the statistics, and little memory

std::vector<std::vector<float>> read_clips(const ModelInitCommand& command) {
  const Manifest manifest = read_manifest(command.audio, {}, command.audio_formats);
  const AudioLoader loader(16000, {});
  std::vector<std::vector<float>> clips;
  const std::size_t step = std::max<std::size_t>(1, manifest.rows.size() / kClips);
  for (std::size_t i = 0; i < manifest.rows.size() && clips.size() < kClips; i += step) {
    DecodeResult decoded = loader.load(manifest.rows[i].path, manifest.rows[i].piece);
    if (decoded.status == RowStatus::kOk) clips.push_back(std::move(decoded.clip.samples));
  }
  return clips;
}

}  // namespace

ExitCode run_model_init(const ModelInitCommand& command) {
  init_model(command.folder, read_clips(command), command.seed, command.model);
  spdlog::info("made a random {} in {}: embeddings.model.model_repo={}", command.model, command.folder.string(),
               std::filesystem::absolute(command.folder).string());
  return ExitCode::kOk;
}

}  // namespace balr
