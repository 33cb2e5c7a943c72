#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace balr {

// A value of an override, typed as hydra 1.3 types it.
struct OverrideValue {
  enum class Kind { kNull, kBool, kInt, kFloat, kText, kList, kDict };

  Kind kind = Kind::kText;
  std::string text =
      {};  // scalars: as Python prints the parsed value (1e3 is 1000.0, true is True)
  std::vector<OverrideValue> items = {};                            // kList
  std::vector<std::pair<std::string, OverrideValue>> entries = {};  // kDict

  bool operator==(const OverrideValue&) const = default;
};

enum class OverrideMode { kSet, kAdd, kForce, kRemove };  // key=, +key=, ++key=, ~key

struct Override {
  std::string argument;  // as written, for messages
  OverrideMode mode = OverrideMode::kSet;
  std::string key;
  std::optional<OverrideValue> value;  // absent only in `~key`
};

// Parses one argument:
//   override := ("+" | "++")? key "=" value?  |  "~" key ("=" value?)?
//   value    := list | dict | cast | quoted | unquoted
// Throws ConfigError naming the argument. Interpolations and sweeps are refused.
Override parse_override(std::string_view argument);

// The type of text without quotes and escapes: null, bool, int, float or text.
OverrideValue classify_plain(std::string_view text);

// A float as Python's repr() prints it: the shortest text that reads back equal.
std::string python_float(double value);

}  // namespace balr
