#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/override_value.hpp"

namespace balr {

enum class OverrideMode { kSet, kAdd, kForce, kRemove };  // key=, +key=, ++key=, ~key

struct Override {
  std::string argument;  // as written, for messages
  OverrideMode mode = OverrideMode::kSet;
  std::string key;
  std::optional<OverrideValue> value;  // absent only in `~key`
};

// Parses one argument in the override grammar of hydra 1.3:
//   override := ("+" | "++")? key "=" value?  |  "~" key ("=" value?)?
//   value    := list | dict | function | quoted | bare text
// Throws ConfigError naming the argument. Sweeps (a,b and range(...)) are refused.
Override parse_override(std::string_view argument);

}  // namespace balr
