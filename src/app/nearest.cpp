#include "app/nearest.hpp"

#include <algorithm>
#include <vector>

namespace balr {
namespace {

// Letters to insert, delete, replace or swap with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
      cost[i][j] = std::min({replace, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

// Without dashes in front; an abbreviation is as near as one wrong letter.
std::size_t farness(std::string_view word, std::string_view candidate) {
  const auto bare = [](std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('-'), text.size()));
  };
  word = bare(word), candidate = bare(candidate);
  if (word.size() > 1 && candidate.starts_with(word)) return 1;
  return distance(word, candidate);
}

}  // namespace

std::string nearest_hint(std::string_view word, std::span<const std::string> candidates) {
  std::size_t smallest = std::max<std::size_t>(2, word.size() / 3) + 1;  // farther ones are no help
  std::string best;
  for (const std::string& candidate : candidates) {
    const std::size_t far = std::min(farness(word, candidate), candidate.size());
    if (far < smallest && far < candidate.size()) smallest = far, best = candidate;
  }
  return best.empty() ? "" : "; did you mean " + best + "?";
}

}  // namespace balr
