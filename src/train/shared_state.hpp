#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "train/checkpoint.hpp"

// State that all ranks must hold alike.
namespace balr {

class World;

// Collective. Rank 0's checkpoint on every rank (a file system may show the others an older one).
std::optional<Checkpoint> broadcast_checkpoint(World& world, std::optional<Checkpoint> checkpoint);

// 64-bit hash over names and raw bytes of all tensors.
std::uint64_t digest(const StateDict& state);

// Collective. Throws InternalError that lists the ranks whose weights are not those of most ranks.
void check_equal_weights(World& world, const StateDict& weights, std::int64_t step);

}  // namespace balr
