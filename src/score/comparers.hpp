#pragma once
#include "balr/dataset/attribute_table.hpp"
#include "balr/scoring/embedding_cosine.hpp"
#include "balr/scoring/scorer.hpp"
#include "score/test_set.hpp"

namespace balr {

// By a scorer of binary attributes. Recordings of a side are added up.
std::unique_ptr<Comparer> compare_attributes(std::unique_ptr<Scorer> scorer,
                                             std::vector<std::uint64_t> bits, std::int64_t words);
// By the cosine of embeddings [rows, dimension].
std::unique_ptr<Comparer> compare_embeddings(std::vector<float> values, std::int64_t dimension,
                                             std::vector<double> mean);

}  // namespace balr
