#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "balr/core/config.hpp"
#include "core/override_parser.hpp"

namespace balr {

// A value in the tree: null, or what the key's type says (a text is a string, a list a vector).
using SettingValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

// Thrown by the conversions below: the value is not of the wanted type. The text says what was
// wanted.
struct ValueMismatch {
  std::string expected;
};

// Conversions by a field's type, as omegaconf 2.3 does them (behaviour of the Python balr).
std::int64_t to_integer(const OverrideValue& value);
double to_real(const OverrideValue& value);
bool to_flag(const OverrideValue& value);
SettingValue convert(const KeyInfo& key, const OverrideValue& value);

// The same from an option's text, which is taken as it is.
SettingValue convert_text(const KeyInfo& key, const std::string& text);

// A value as YAML on one line, which load_yaml reads back equal; also the canonical text for
// hashing.
std::string yaml_scalar(const SettingValue& value);
std::string yaml_text(const std::string& text);

}  // namespace balr
