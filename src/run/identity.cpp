#include "balr/run/identity.hpp"

#include <map>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

// Ranks whose value is not that of most (of the lowest rank among equals), as "2, 5".
std::string odd_ranks(const std::vector<std::string>& values) {
  std::map<std::string, int> count;
  for (const std::string& value : values) ++count[value];
  std::string most = values.front();
  for (const std::string& value : values)
    if (count[value] > count[most]) most = value;
  std::string ranks;
  for (std::size_t r = 0; r < values.size(); ++r)
    if (values[r] != most) ranks += (ranks.empty() ? "" : ", ") + std::to_string(r);
  return ranks;
}

}  // namespace

std::string identity_hash(const std::vector<IdentityPart>& parts) {
  Sha256 hash;
  for (const IdentityPart& part : parts) {
    // Lengths keep ("ab", "c") and ("a", "bc") apart.
    hash.update(std::to_string(part.name.size()) + ":" + part.name + std::to_string(part.text.size()) + ":");
    hash.update(part.text);
  }
  return hash.hex();
}

void agree_identity(World& world, const std::vector<IdentityPart>& parts) {
  // One gather: a list of different lengths on some rank cannot make the ranks wait for each other.
  constexpr std::size_t kDigits = 64;
  std::string mine;
  for (const IdentityPart& part : parts) mine += sha256_hex(part.name + "\n" + part.text);
  const std::vector<std::string> all = world.all_gather(mine, "identity of the run");
  std::string differing;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::vector<std::string> values;
    for (const std::string& text : all) values.push_back(text.size() < (p + 1) * kDigits ? "" : text.substr(p * kDigits, kDigits));
    const std::string ranks = odd_ranks(values);
    if (!ranks.empty()) differing += (differing.empty() ? "" : "; ") + parts[p].name + " (rank " + ranks + ")";
  }
  const std::string others = odd_ranks(all);
  if (differing.empty() && !others.empty()) differing = "number of parts (rank " + others + ")";
  if (differing.empty()) return;
  throw InternalError("the ranks do not work on the same thing; different from most: " + differing +
                      ": see that all nodes have the same program, files and arguments, then start again");
}

}  // namespace balr
