#pragma once
#include <string>
#include <string_view>

#include "balr/scoring/scorer_file.hpp"

namespace balr {

// The text of scorer.json; `file_hash` is the SHA-256 of scorer.pt.
std::string card_json(const ScorerCard& card, const std::string& file_hash);

struct ParsedCard {
  ScorerCard card;
  std::string scorer, file_hash;
};
// Throws DataError without the file's name.
ParsedCard parse_card(std::string_view text);

}  // namespace balr
