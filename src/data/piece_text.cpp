#include "data/piece_text.hpp"

#include <charconv>
#include <cmath>

#include "balr/core/error.hpp"

namespace balr {
namespace {

template <class T>
bool parse(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end;
}

double parse_seconds(const std::string& text, const char* column, const std::string& where) {
  double value = 0;
  if (!parse(text, value) || !std::isfinite(value) || std::signbit(value))
    throw DataError(where + ": the cell '" + column + "' is '" + text +
                    "'; it must be a number of seconds from the file's beginning, or empty");
  return value;
}

}  // namespace

AudioPiece parse_piece(const std::string& start, const std::string& end, const std::string& channel,
                       const std::string& where) {
  AudioPiece out;
  if (!start.empty()) out.start = parse_seconds(start, "start", where);
  if (!end.empty()) {
    out.end = parse_seconds(end, "end", where);
    if (out.end <= out.start)
      throw DataError(where + ": the piece ends at " + end +
                      " s, which is not behind its start at " + (start.empty() ? "0" : start) +
                      " s");
  }
  if (!channel.empty() && (!parse(channel, out.channel) || out.channel < 0))
    throw DataError(where + ": the cell 'channel' is '" + channel +
                    "'; it must be a whole number from 0, or empty for the mean of all channels");
  return out;
}

}  // namespace balr
