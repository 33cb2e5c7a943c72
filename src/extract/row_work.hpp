#pragma once
#include <span>
#include <vector>

#include "extract/row_engine.hpp"

namespace balr {

// Notes on rows that have an embedding (RowResult::reason); the summary counts them.
constexpr const char* kTruncatedNote = "truncated";
constexpr const char* kChunkedNote = "chunked";
constexpr const char* kRepeatedNote = "repeated";

// A row on its way: the result so far and, if decoding succeeded, the audio.
struct DecodedRow {
  RowResult result;
  AudioClip clip;
  std::int64_t chunk_samples = 0;  // 0: the clip is embedded as a whole
  bool ready() const { return result.status == RowStatus::kPending; }
};

// The pieces of a row in chunks.
std::vector<std::span<const float>> chunks_of(const DecodedRow& row);
// Their mean: each embedding divided by its norm, weighted by the chunk's length.
std::vector<float> mean_of_chunks(const DecodedRow& row, const std::vector<std::vector<float>>& embeddings);

// The embedding of a ready row, computed here and now, chunk by chunk if it is in chunks.
std::vector<float> embed_row(const Embedder& embedder, const DecodedRow& row);

// Puts the embedding into the row; one that is not finite becomes kNonFinite.
RowResult finish_row(DecodedRow row, std::vector<float> embedding);

}  // namespace balr
