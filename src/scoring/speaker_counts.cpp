#include "balr/scoring/speaker_counts.hpp"

#include <bit>
#include <numeric>

#include "balr/core/error.hpp"

namespace balr {

SpeakerCounts::SpeakerCounts(std::vector<std::string> names, std::int64_t attribute_count)
    : attributes(attribute_count), speakers(std::move(names)) {
  recordings.resize(speakers.size());
  active.resize(speakers.size() * static_cast<std::size_t>(attribute_count));
}

std::int64_t SpeakerCounts::total_recordings() const {
  return std::accumulate(recordings.begin(), recordings.end(), std::int64_t{0});
}

void add_bits(std::span<std::int32_t> active, std::span<const std::uint64_t> bits) {
  BALR_CHECK(bits.size() == (active.size() + 63) / 64);
  for (std::size_t word = 0; word < bits.size(); ++word)
    for (std::uint64_t left = bits[word]; left != 0; left &= left - 1)
      ++active[64 * word + static_cast<std::size_t>(std::countr_zero(left))];
}

void add_recording(SpeakerCounts& counts, std::int64_t speaker,
                   std::span<const std::uint64_t> bits) {
  BALR_CHECK(speaker >= 0 && speaker < counts.size());
  ++counts.recordings[static_cast<std::size_t>(speaker)];
  add_bits(std::span(counts.active)
               .subspan(static_cast<std::size_t>(speaker * counts.attributes),
                        static_cast<std::size_t>(counts.attributes)),
           bits);
}

}  // namespace balr
