#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "balr/core/config.hpp"
#include "core/override_value.hpp"

namespace balr {

// An integer beyond 64 bits, as Python has them: kept and shown, refused where it is read.
struct BigInteger {
  std::string digits;
  bool operator==(const BigInteger&) const = default;
};
// A text with ${...}, whose value is that of other keys.
struct Interpolation {
  std::string text;
  bool operator==(const Interpolation&) const = default;
};

// A value in the tree: null, or what the key's type says (a text is a string, a list a vector).
using SettingValue = std::variant<std::monostate, bool, std::int64_t, double, std::string,
                                  std::vector<std::string>, BigInteger, Interpolation>;

// Thrown by the conversions below: the value is not of the wanted type. The text says what was
// wanted.
struct ValueMismatch {
  std::string expected;
};

// Conversion by a key's type, as omegaconf 2.3 does it (behaviour of the Python balr). Throws
// InterpolationError for a malformed ${...}.
SettingValue convert(const KeyInfo& key, const OverrideValue& value);

// The same from an option's text, which is taken as it is.
SettingValue convert_text(const KeyInfo& key, const std::string& text);

// A setting, but for an interpolation, as a value that an interpolation may read.
OverrideValue to_override_value(const SettingValue& setting);

}  // namespace balr
