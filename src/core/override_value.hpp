#pragma once
#include <string>
#include <utility>
#include <vector>

namespace balr {

// A value of an override or a YAML file before a key's type is known, typed as hydra 1.3 types it.
struct OverrideValue {
  // kInterpolation: a text that holds "${", to be resolved where it is read.
  enum class Kind { kNull, kBool, kInt, kFloat, kText, kInterpolation, kList, kDict };

  Kind kind = Kind::kText;
  // Scalars: as Python prints the parsed value (1e3 is 1000.0, true is True).
  std::string text = {};
  std::vector<OverrideValue> items = {};                            // kList
  std::vector<std::pair<std::string, OverrideValue>> entries = {};  // kDict, no name twice

  bool operator==(const OverrideValue&) const = default;
};

inline bool is_container(const OverrideValue& value) {
  return value.kind >= OverrideValue::Kind::kList;
}
// The entry of a dict, or null.
const OverrideValue* find_entry(const OverrideValue& dict, const std::string& name);
OverrideValue* find_entry(OverrideValue& dict, const std::string& name);

// Text that a user wrote: an interpolation if it holds "${".
OverrideValue written_text(std::string text);

// Short words for messages: 'x', null, a list, ...
std::string shown(const OverrideValue& value);
// Text for messages: control characters as \x0a, cut after 200 bytes.
std::string shown_text(const std::string& text);

}  // namespace balr
