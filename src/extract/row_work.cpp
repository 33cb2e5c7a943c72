#include "extract/row_work.hpp"

#include <algorithm>
#include <cmath>

namespace balr {

DecodedRow decode_row(const Manifest& manifest, std::int64_t row, const AudioLoader& loader, const Embedder& embedder) {
  DecodedRow out;
  out.result.row = row;
  const Utterance& utterance = manifest.rows[static_cast<std::size_t>(row)];
  if (utterance.path.empty()) {
    out.result.status = RowStatus::kMissing;
    out.result.reason = "the row names no audio file";
    return out;
  }
  DecodeResult decoded = loader.load(utterance.path);
  out.result.seconds = decoded.clip.seconds;
  out.result.source_rate = decoded.clip.source_rate;
  if (decoded.status != RowStatus::kOk) {
    out.result.status = decoded.status;
    out.result.reason = std::move(decoded.reason);
    return out;
  }
  const auto samples = static_cast<std::int64_t>(decoded.clip.samples.size());
  if (samples < embedder.min_samples()) {
    out.result.status = RowStatus::kTooShort;
    out.result.reason = std::to_string(samples) + " samples at " + std::to_string(decoded.clip.rate) +
                        " Hz; the model needs at least " + std::to_string(embedder.min_samples());
    return out;
  }
  out.clip = std::move(decoded.clip);
  return out;
}

RowResult finish_row(DecodedRow row, std::vector<float> embedding) {
  const bool finite = std::all_of(embedding.begin(), embedding.end(), [](float value) { return std::isfinite(value); });
  row.result.status = finite ? RowStatus::kOk : RowStatus::kNonFinite;
  if (finite) {
    row.result.embedding = std::move(embedding);
  } else {
    row.result.reason = "the embedding has values that are not finite";
  }
  return std::move(row.result);
}

}  // namespace balr
