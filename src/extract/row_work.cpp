#include "extract/row_work.hpp"

#include <algorithm>
#include <cmath>

#include "balr/core/error.hpp"

namespace balr {
namespace {

void add_weighted(const std::vector<float>& embedding, double weight, std::vector<double>& sum) {
  double square = 0;
  for (const float value : embedding) square += double{value} * value;
  const double factor = weight / std::sqrt(square);
  sum.resize(embedding.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * embedding[i];
}

}  // namespace

std::vector<std::span<const float>> chunks_of(const DecodedRow& row) {
  std::vector<std::span<const float>> out;
  const auto size = static_cast<std::size_t>(row.chunk_samples);
  for (std::span<const float> rest = row.clip.samples; !rest.empty();) {
    out.push_back(rest.first(std::min(size, rest.size())));
    rest = rest.subspan(out.back().size());
  }
  return out;
}

std::vector<float> mean_of_chunks(const DecodedRow& row, const std::vector<std::vector<float>>& embeddings) {
  const std::vector<std::span<const float>> chunks = chunks_of(row);
  BALR_CHECK(chunks.size() == embeddings.size());
  std::vector<double> sum;
  for (std::size_t i = 0; i < chunks.size(); ++i) add_weighted(embeddings[i], static_cast<double>(chunks[i].size()), sum);
  std::vector<float> out;
  for (const double value : sum)
    out.push_back(static_cast<float>(value / static_cast<double>(row.clip.samples.size())));
  return out;
}

std::vector<float> embed_row(const Embedder& embedder, const DecodedRow& row) {
  if (row.chunk_samples == 0) return embedder.embed(row.clip.samples);
  std::vector<std::vector<float>> embeddings;
  for (const auto& chunk : chunks_of(row)) embeddings.push_back(embedder.embed(chunk));
  return mean_of_chunks(row, embeddings);
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
