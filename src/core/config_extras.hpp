#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/interpolation.hpp"
#include "core/override_value.hpp"

namespace balr {

// Who changes a configuration: the origin that `balr config` prints, and the start of every error,
// which names the file and line or the argument.
struct Source {
  std::string origin;
  std::string where;
};

// Keys that a user added (+data.foo=1) and nothing here reads: a tree of any values, which keeps
// the names of known nodes on the way to them. Its rules are those of OmegaConf.update.
class ExtraKeys {
 public:
  const OverrideValue& root() const { return root_; }
  // Null if there is none.
  const OverrideValue* find(const NodePath& path) const;
  // Sets the value; names on the way that hold no names become sets of keys. A dict is merged into
  // a dict. False if the path leads to an index that a list does not have.
  bool set(const NodePath& path, const OverrideValue& value, const Source& source);
  void erase(const NodePath& path);
  // Removes everything below this known node.
  void erase_below(const std::string& node);
  // Who set the key, or what it stands in, last.
  Source source(const NodePath& path) const;

 private:
  OverrideValue root_{.kind = OverrideValue::Kind::kDict};
  std::vector<std::pair<NodePath, Source>> sources_;  // later ones win
};

}  // namespace balr
