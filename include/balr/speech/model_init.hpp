#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace balr {

// Makes a random speaker model for trials: a WeSpeaker ResNet with PyTorch's default initialisation, its batch-norm statistics
// measured on `clips` (16 kHz, mono; cut or repeated to two seconds), so that activations stay sane. Writes avg_model.pt and
// config.yaml, in WeSpeaker's form, into `folder`. Throws DataError (no clips, unknown model), IoError.
void init_model(const std::filesystem::path& folder, const std::vector<std::vector<float>>& clips, std::uint64_t seed,
                const std::string& model);

}  // namespace balr
