#pragma once
#include <filesystem>

#include "balr/data/manifest.hpp"

namespace balr {

// Whether the input is a Kaldi data folder (it has a wav.scp) or such a list (named *.scp).
bool is_kaldi(const std::filesystem::path& input);

// Reads wav.scp with `segments` and `utt2spk` where they lie beside it; read_manifest() has the
// contract.
Manifest read_kaldi(const std::filesystem::path& input, const std::filesystem::path& root);

}  // namespace balr
