#include "extract/same_file.hpp"

namespace balr {
namespace {

constexpr double kMaxSeconds = 1800, kOpenEnd = 600;

double seconds_of(const AudioPiece& piece) {
  return piece.end < 0 ? kOpenEnd : piece.end - piece.start;
}

}  // namespace

std::vector<Range> same_file_runs(const Manifest& manifest, std::span<const std::int64_t> rows) {
  std::vector<Range> runs;
  double seconds = 0;
  for (const std::int64_t row : rows) {
    const Utterance& utterance = manifest.rows[static_cast<std::size_t>(row)];
    const double length = seconds_of(utterance.piece);
    const bool joins = manifest.has_pieces && !runs.empty() && runs.back().end == row &&
                       seconds + length <= kMaxSeconds &&
                       manifest.rows[static_cast<std::size_t>(row - 1)].path == utterance.path;
    if (joins) {
      ++runs.back().end;
      seconds += length;
    } else {
      runs.push_back({row, row + 1});
      seconds = length;
    }
  }
  return runs;
}

}  // namespace balr
