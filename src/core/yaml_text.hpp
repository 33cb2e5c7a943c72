#pragma once
#include <string>
#include <string_view>

#include "core/override_value.hpp"

namespace balr {

// A value as YAML on one line (lists and dicts in [] and {}), which PyYAML, OmegaConf and load_yaml
// read back equal: a text that holds "${" gets a backslash there, bytes that are not UTF-8 become
// U+FFFD. Also the canonical text for hashing.
std::string yaml_value(const OverrideValue& value);
std::string yaml_text(const std::string& text);
// The name of a key, in which nothing is resolved.
std::string yaml_name(const std::string& name);

// A scalar without quotes in YAML 1.1, typed as OmegaConf's loader types it (yes is true, 010 is 8,
// 1e3 is a float).
OverrideValue classify_yaml(const std::string& text);

}  // namespace balr
