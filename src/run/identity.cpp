#include "balr/run/identity.hpp"

#include <algorithm>
#include <map>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

// Ranks whose value is not that of most (of the lowest rank among equals), as "rank 2 on n1, rank 5 on n2, and 3 more".
std::string odd_ranks(const std::vector<std::string>& values, const std::vector<std::string>& hosts) {
  constexpr std::size_t kMostNamed = 8;
  std::map<std::string, int> count;
  for (const std::string& value : values) ++count[value];
  std::string most = values.front();
  for (const std::string& value : values)
    if (count[value] > count[most]) most = value;
  std::string ranks;
  std::size_t odd = 0;
  for (std::size_t r = 0; r < values.size(); ++r) {
    if (values[r] == most || ++odd > kMostNamed) continue;
    ranks += (ranks.empty() ? "rank " : ", rank ") + std::to_string(r) + " on " + hosts[r];
  }
  return odd > kMostNamed ? ranks + ", and " + std::to_string(odd - kMostNamed) + " more" : ranks;
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
  if (std::all_of(all.begin(), all.end(), [&](const std::string& theirs) { return theirs == all.front(); })) return;
  const std::vector<std::string> hosts = world.all_gather(world.host(), "hosts of ranks that differ");
  std::string differing;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::vector<std::string> values;
    for (const std::string& text : all) values.push_back(text.size() < (p + 1) * kDigits ? "" : text.substr(p * kDigits, kDigits));
    const std::string ranks = odd_ranks(values, hosts);
    if (!ranks.empty()) differing += (differing.empty() ? "" : "; ") + parts[p].name + " (" + ranks + ")";
  }
  if (differing.empty()) differing = "number of parts (" + odd_ranks(all, hosts) + ")";
  throw InternalError("the ranks do not work on the same thing; different from most: " + differing +
                      ": see that all nodes have the same program, files and arguments, then start again");
}

}  // namespace balr
