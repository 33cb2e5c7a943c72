#include "extract/row_decoder.hpp"

#include <algorithm>
#include <cmath>

namespace balr {
namespace {

std::int64_t to_samples(double seconds, int rate) {
  return static_cast<std::int64_t>(std::min(9e18, std::ceil(seconds * rate)));
}

AudioLimits limits_of(const Manifest& manifest, AudioLimits limits) {
  limits.max_overshoot = manifest.max_overshoot;
  return limits;
}

void repeat(std::vector<float>& samples, std::int64_t length) {
  const std::size_t period = samples.size();
  samples.resize(static_cast<std::size_t>(length));
  for (std::size_t i = period; i < samples.size(); ++i) samples[i] = samples[i - period];
}

}  // namespace

RowDecoder::RowDecoder(const Manifest& manifest, const RowRules& rules, const Embedder& embedder)
    : manifest_(manifest),
      rules_(rules),
      loader_(embedder.rate(), limits_of(manifest, rules.limits)),
      min_samples_(
          std::max(embedder.min_samples(), to_samples(rules.min_seconds, embedder.rate()))),
      model_min_samples_(embedder.min_samples()),
      chunk_samples_(to_samples(rules.chunk_seconds, embedder.rate())) {}

std::vector<DecodedRow> RowDecoder::decode(Range rows) const {
  const std::string& path = manifest_.rows[static_cast<std::size_t>(rows.begin)].path;
  std::vector<DecodeResult> decoded(static_cast<std::size_t>(rows.size()));
  if (path.empty()) {
    for (DecodeResult& result : decoded) {
      result.status = RowStatus::kMissing;
      result.reason = "the row names no audio file";
    }
  } else {
    std::vector<AudioPiece> pieces;
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      pieces.push_back(manifest_.rows[static_cast<std::size_t>(row)].piece);
    decoded = loader_.load(path, pieces);
  }
  std::vector<DecodedRow> out;
  for (std::int64_t row = rows.begin; row < rows.end; ++row)
    out.push_back(make_row(row, std::move(decoded[static_cast<std::size_t>(row - rows.begin)])));
  return out;
}

DecodedRow RowDecoder::make_row(std::int64_t row, DecodeResult decoded) const {
  DecodedRow out;
  out.result.row = row;
  out.result.seconds = decoded.clip.seconds;
  out.result.source_rate = decoded.clip.source_rate;
  out.result.file_size = decoded.file_size;
  out.result.file_time = decoded.file_time;
  if (decoded.status == RowStatus::kOk) {
    out.clip = std::move(decoded.clip);
    judge_length(out);
  } else {
    out.result.status = decoded.status;
    out.result.reason = std::move(decoded.reason);
  }
  return out;
}

void RowDecoder::judge_length(DecodedRow& row) const {
  std::vector<float>& samples = row.clip.samples;
  const auto length = static_cast<std::int64_t>(samples.size());
  if (row.clip.truncated) row.result.reason = kTruncatedNote;
  if (length < min_samples_ && rules_.repeat_short) {
    repeat(samples, min_samples_);
    row.result.reason = kRepeatedNote;
  } else if (length < min_samples_) {
    row.result.status = RowStatus::kTooShort;
    row.result.reason = std::to_string(length) + " samples at " + std::to_string(row.clip.rate) +
                        " Hz, at least " + std::to_string(min_samples_) +
                        " are needed; embeddings.short=repeat takes them";
    samples = {};
  } else if (chunk_samples_ > 0 && length > chunk_samples_) {
    row.chunk_samples = chunk_samples_;
    row.result.reason = kChunkedNote;
    // A rest that the model cannot take is left out.
    const std::int64_t rest = length % chunk_samples_;
    if (rest >= model_min_samples_) return;
    samples.resize(static_cast<std::size_t>(length - rest));
    row.result.seconds *= static_cast<double>(length - rest) / static_cast<double>(length);
  }
}

}  // namespace balr
