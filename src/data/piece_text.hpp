#pragma once
#include <string>

#include "balr/data/audio_piece.hpp"

namespace balr {

// A piece from the texts of its cells; an empty one keeps the default. Throws DataError that begins
// with `where`: not a number, negative, an end that is not behind the start.
AudioPiece parse_piece(const std::string& start, const std::string& end, const std::string& channel,
                       const std::string& where);

}  // namespace balr
