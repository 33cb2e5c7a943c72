#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/override_value.hpp"

namespace balr {

using NodePath = std::vector<std::string>;  // names from the root of the tree on

// The tree that interpolations read.
class InterpolationSource {
 public:
  virtual ~InterpolationSource() = default;
  // The value of a node, with its own interpolations resolved; nothing if there is no such node.
  // Throws InterpolationError.
  virtual std::optional<OverrideValue> find(const NodePath& path) = 0;
};

struct InterpolationError {
  std::string reason;
};

// Texts with ${...}, in the grammar of OmegaConf 2.3:
//   ${a.b}, ${a[b]}, ${.sibling}, ${..uncle}, ${a.${b}}, x${a}y, and the resolvers
//   ${oc.env:NAME,default}, ${oc.select:key,default}, ${oc.decode:text}, ${oc.create:value};
//   \${ stands for ${ itself.

// Throws InterpolationError if the text is malformed; looks nothing up.
void check_interpolation(const std::string& text);
// The value of the text: of one interpolation alone as it is, else a text. `parent` is the path of
// the node that holds the text. The result holds no interpolation any more.
OverrideValue resolve_interpolation(const std::string& text, const NodePath& parent,
                                    InterpolationSource& source);
// Text that resolves to `literal`.
std::string escape_interpolation(const std::string& literal);

}  // namespace balr
