#include "score/open_test_set.hpp"

#include <spdlog/spdlog.h>

#include "balr/dist/world.hpp"
#include "score/comparers.hpp"
#include "score/scorer_checks.hpp"
#include "score/shared_input.hpp"

namespace balr {
namespace {

OpenedTestSet open_embeddings(const TestData& data, const ScorerChoice& choice, World& world) {
  VectorTable table = share_vectors(data, world);
  std::vector<double> mean(static_cast<std::size_t>(table.dimension));
  if (!choice.mean.empty()) {
    const VectorTable other = share_vectors({choice.mean, {}, data.audio_formats}, world);
    all_agree(world, "checking the mean", [&] {
      if (other.dimension != table.dimension)
        throw DataError("the embeddings of scorer.mean have " + std::to_string(other.dimension) +
                        " numbers, those of the test " + std::to_string(table.dimension) +
                        "; give embeddings of one model");
      mean = mean_vector(other.values, other.dimension);
    });
  }
  OpenedTestSet out;
  out.source = table.source;
  out.data_hash = table.content_hash;
  out.scorer_name = "embedding_cosine";
  all_agree(world, "checking the data", [&] {
    auto comparer = compare_embeddings(std::move(table.values), table.dimension, std::move(mean));
    out.set = std::make_unique<TestSet>(std::move(table.ids), std::move(table.speakers),
                                        std::move(table.dropped), std::move(comparer));
  });
  return out;
}

void check_encoder_of(const ScorerCard& card, const AttributeTable& table,
                      const std::string& file) {
  if (card.encoder.empty() || table.encoder.empty() || card.encoder == table.encoder) return;
  throw DataError(table.source + " was made by another auto-encoder than the attributes that " +
                  file + " was fitted on; binarize both with one");
}

}  // namespace

OpenedTestSet open_test_set(const TestData& data, const ScorerChoice& choice, World& world) {
  if (choice.embeddings) return open_embeddings(data, choice, world);
  OpenedTestSet out;
  LoadedScorer loaded;
  all_agree(world, "reading the scorer", [&] {
    if (choice.kind != ScorerKind::kCosine) loaded = read_scorer(choice.checkpoint, choice.kind);
  });
  AttributeTable table = share_attributes(data, false, world);
  all_agree(world, "checking the data", [&] {
    check_attribute_count(choice.attributes, table.attributes, table.source);
    if (choice.kind == ScorerKind::kCosine)
      loaded.scorer = make_cosine_scorer(table.attributes, choice.eps);
    if (loaded.scorer->attributes() != table.attributes)
      throw DataError(choice.checkpoint.string() + " is for " +
                      std::to_string(loaded.scorer->attributes()) + " attributes, and " +
                      table.source + " has " + std::to_string(table.attributes) +
                      "; give a scorer that was fitted on attributes of the same auto-encoder");
    if (loaded.card) check_encoder_of(*loaded.card, table, choice.checkpoint.string());
    out.source = table.source;
    out.data_hash = table.content_hash;
    out.scorer_name = scorer_name(choice.kind);
    out.scorer_hash = loaded.hash;
    out.card = std::move(loaded.card);
    out.fitted = choice.kind != ScorerKind::kCosine;
    auto comparer =
        compare_attributes(std::move(loaded.scorer), std::move(table.bits), table.words);
    out.set = std::make_unique<TestSet>(std::move(table.ids), std::move(table.speakers),
                                        std::move(table.dropped), std::move(comparer));
  });
  return out;
}

}  // namespace balr
