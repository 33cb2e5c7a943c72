#pragma once
#include <string>
#include <vector>

namespace balr {

class World;

// What makes two runs, or two ranks of one, the same: named texts such as the configuration's identity, the model's hash, the
// input's hash, the program's version.
struct IdentityPart {
  std::string name;  // shown to the user
  std::string text;
};

// SHA-256 over all of them, as 64 hexadecimal digits. Names and order count.
std::string identity_hash(const std::vector<IdentityPart>& parts);

// Collective. Compares every part over the ranks (a node may see an older copy of a file); throws InternalError that names the
// parts that differ and the ranks that differ from most, with their hosts.
void agree_identity(World& world, const std::vector<IdentityPart>& parts);

}  // namespace balr
