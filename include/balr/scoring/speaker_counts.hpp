#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace balr {

// How often each attribute was active in the recordings of each speaker: all that a fit needs to
// know of its data. Integers, so that it does not matter who counted what.
struct SpeakerCounts {
  std::int64_t attributes = 0;
  std::vector<std::string> speakers;     // S names, in the order of encode_labels()
  std::vector<std::int32_t> recordings;  // [S]
  std::vector<std::int32_t> active;      // [S, attributes]; the rest of `recordings` is inactive

  // All zero.
  SpeakerCounts() = default;
  SpeakerCounts(std::vector<std::string> names, std::int64_t attribute_count);

  std::int64_t size() const { return static_cast<std::int64_t>(speakers.size()); }
  std::int64_t total_recordings() const;
  std::int32_t active_of(std::int64_t speaker, std::int64_t attribute) const {
    return active[static_cast<std::size_t>(speaker * attributes + attribute)];
  }
};

// Adds one recording; attribute a is bit a % 64 of word a / 64.
void add_recording(SpeakerCounts& counts, std::int64_t speaker,
                   std::span<const std::uint64_t> bits);
// Adds a recording's bits to the counts of each attribute.
void add_bits(std::span<std::int32_t> active, std::span<const std::uint64_t> bits);

}  // namespace balr
