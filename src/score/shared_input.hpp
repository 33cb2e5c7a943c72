#pragma once
#include "balr/dataset/attribute_table.hpp"
#include "balr/dataset/vector_table.hpp"
#include "balr/score/score_trials.hpp"

namespace balr {

class World;

// Collective: rank 0 reads, the others get a copy, so that a million small files are read once.
AttributeTable share_attributes(const TestData& data, bool need_speakers, World& world);
VectorTable share_vectors(const TestData& data, World& world);

}  // namespace balr
