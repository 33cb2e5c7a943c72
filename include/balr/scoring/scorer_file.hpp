#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balr/scoring/fit.hpp"

namespace balr {

// scorer.json, beside scorer.pt: what the scorer was fitted on, so that a report can say so and a
// test can be kept apart from it.
struct ScorerCard {
  FitSettings settings;
  std::string program_version;
  std::string data_source, data_hash;    // AttributeTable::source and content_hash
  std::string encoder;                   // SHA-256 of the auto-encoder's file; empty: not known
  std::string population, propositions;  // the user's words
  std::int64_t attributes = 0, speakers = 0, recordings = 0;
  std::int64_t fewest_recordings = 0, most_recordings = 0;  // of a speaker
  FitReport report;
  // name_hash() of the speakers and of the ids of the recordings, sorted: names of people need not
  // travel with a scorer.
  std::vector<std::string> speaker_hashes, recording_hashes;
};

// The first 16 hexadecimal digits of the SHA-256: whether a name is the same, not what it is.
std::string name_hash(const std::string& name);

// Writes scorer.pt, a bare state dict that the Python balr loads, and scorer.json with the hash of
// scorer.pt. Each appears whole. Throws IoError.
void write_scorer(const std::filesystem::path& folder, const std::vector<ScorerBuffer>& buffers,
                  const ScorerCard& card);

struct LoadedScorer {
  std::unique_ptr<Scorer> scorer;
  std::string hash;                // SHA-256 of the file
  std::optional<ScorerCard> card;  // absent where there is no scorer.json beside the file
};
// Reads a scorer.pt of this program or of the Python balr. Throws DataError that names the file:
// another kind of scorer, keys that are missing or unexpected, values as in make_scorer(), a
// scorer.json that does not belong to the file; IoError.
LoadedScorer read_scorer(const std::filesystem::path& file, ScorerKind kind);

}  // namespace balr
