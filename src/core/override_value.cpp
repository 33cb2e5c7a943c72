#include "core/override_value.hpp"

namespace balr {

using Kind = OverrideValue::Kind;

const OverrideValue* find_entry(const OverrideValue& dict, const std::string& name) {
  for (const auto& [key, value] : dict.entries)
    if (key == name) return &value;
  return nullptr;
}

OverrideValue* find_entry(OverrideValue& dict, const std::string& name) {
  return const_cast<OverrideValue*>(find_entry(std::as_const(dict), name));
}

OverrideValue written_text(std::string text) {
  const bool interpolation = text.find("${") != std::string::npos;
  return {.kind = interpolation ? Kind::kInterpolation : Kind::kText, .text = std::move(text)};
}

std::string shown_text(const std::string& text) {
  constexpr std::size_t kMost = 200;
  constexpr const char* kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    } else {
      result += c;
    }
  }
  if (text.size() > kMost) {
    // Not in the middle of a UTF-8 character.
    while (!result.empty() && (static_cast<unsigned char>(result.back()) & 0xc0) == 0x80)
      result.pop_back();
    if (!result.empty() && static_cast<unsigned char>(result.back()) >= 0xc0) result.pop_back();
    result += "...";
  }
  return result;
}

std::string shown(const OverrideValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.text == "True" ? "true" : "false";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a set of keys";
    default:
      return "'" + shown_text(value.text) + "'";
  }
}

}  // namespace balr
