#include "score/scorer_checks.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_set>

#include "balr/core/error.hpp"

namespace balr {
namespace {

struct Common {
  std::int64_t count = 0;
  std::string example;
};

Common common_names(const std::vector<std::string>& sorted_hashes,
                    const std::vector<std::string>& names) {
  Common common;
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty() || !seen.insert(name).second) continue;
    if (!std::ranges::binary_search(sorted_hashes, name_hash(name))) continue;
    if (common.count++ == 0) common.example = name;
  }
  return common;
}

}  // namespace

void check_attribute_count(const std::optional<std::int64_t>& expected, std::int64_t attributes,
                           const std::string& source) {
  if (expected && *expected != attributes)
    throw ConfigError("scorer.n_attributes is " + std::to_string(*expected) + ", but " + source +
                      " has " + std::to_string(attributes) + " attributes; leave the key out");
}

void check_overlap(const std::optional<ScorerCard>& card, const TestSet& set, bool allowed,
                   bool speaks) {
  if (!card) {
    if (speaks)
      spdlog::warn(
          "there is no scorer.json beside the scorer: nobody can check whether its training had "
          "speakers of this test");
    return;
  }
  const auto check = [&](const char* what, const Common& common) {
    if (common.count == 0) return;
    const std::string text = std::to_string(common.count) + " " + what +
                             " of the test were in the training of the scorer, e.g. '" +
                             common.example + "'";
    if (!allowed)
      throw DataError(text +
                      ", which makes it look better than it is; leave them out, or say "
                      "--allow-overlap");
    if (speaks) spdlog::warn("{}: the results are better than those of other people", text);
  };
  check("speakers", common_names(card->speaker_hashes, set.speakers()));
  check("recordings", common_names(card->recording_hashes, set.ids()));
}

}  // namespace balr
