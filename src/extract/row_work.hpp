#pragma once
#include "extract/row_engine.hpp"

namespace balr {

// A row on its way: the result so far and, if decoding succeeded, the audio.
struct DecodedRow {
  RowResult result;
  AudioClip clip;
  bool ready() const { return result.status == RowStatus::kPending; }
};

// Decodes the row's file; too short audio for the model gets kTooShort.
DecodedRow decode_row(const Manifest& manifest, std::int64_t row, const AudioLoader& loader, const Embedder& embedder);

// Puts the embedding into the row; one that is not finite becomes kNonFinite.
RowResult finish_row(DecodedRow row, std::vector<float> embedding);

}  // namespace balr
