#include "core/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/interpolation.hpp"
#include "core/python_scalar.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

constexpr const char* kMissing = "???";  // hydra's mark for a value that somebody must give

SettingValue to_integer(const OverrideValue& value) {
  const bool number = value.kind == Kind::kInt || value.kind == Kind::kText;
  if (!number || !looks_like_integer(value.text)) throw ValueMismatch{"an integer"};
  const std::string digits = canonical_integer(value.text);
  std::int64_t integer = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
  if (result.ec == std::errc::result_out_of_range) return BigInteger{digits};
  return integer;
}

SettingValue to_real(const OverrideValue& value) {
  const bool number =
      value.kind == Kind::kInt || value.kind == Kind::kFloat || value.kind == Kind::kText;
  if (!number || !looks_like_float(value.text)) throw ValueMismatch{"a number"};
  const double real = parse_real(value.text);
  if (value.kind == Kind::kInt && std::isinf(real)) throw ValueMismatch{"a number below 1e308"};
  return real;
}

SettingValue to_flag(const OverrideValue& value) {
  static constexpr std::array<std::string_view, 4> kYes = {"true", "yes", "on", "y"};
  static constexpr std::array<std::string_view, 4> kNo = {"false", "no", "off", "n"};
  const bool scalar =
      value.kind == Kind::kBool || value.kind == Kind::kInt || value.kind == Kind::kText;
  const std::string word = lower(value.text);
  if (scalar && std::ranges::count(kYes, word) != 0) return true;
  if (scalar && std::ranges::count(kNo, word) != 0) return false;
  if (!scalar || !looks_like_integer(value.text)) throw ValueMismatch{"true or false"};
  return canonical_integer(value.text) != "0";
}

std::string choices_text(const KeyInfo& key) {
  std::string text;
  for (const std::string& choice : key.choices) text += (text.empty() ? "" : ", ") + choice;
  return "one of " + text;
}

std::string checked_text(const KeyInfo& key, const std::string& text) {
  if (text.find('\0') != std::string::npos) throw ValueMismatch{"text without a zero byte"};
  if (key.choices.empty()) return text;
  for (const std::string& choice : key.choices)
    if (lower(choice) == lower(text)) return choice;
  throw ValueMismatch{choices_text(key)};
}

// The text of a path as Python's pathlib keeps it: without empty names, "." and a slash at the end.
std::string normal_path(const std::string& text) {
  const std::size_t slashes = std::min(text.find_first_not_of('/'), text.size());
  std::string path(slashes == 2 ? 2 : slashes == 0 ? 0 : 1, '/');
  const std::size_t root = path.size();
  for (std::size_t begin = slashes; begin < text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    if (!name.empty() && name != ".") path += (path.size() > root ? "/" : "") + name;
    begin = end + 1;
  }
  return path.empty() ? "." : path;
}

SettingValue to_path(const KeyInfo& key, const OverrideValue& value) {
  if (value.kind == Kind::kNull) return std::monostate{};
  if (value.kind != Kind::kText) throw ValueMismatch{"a path (in quotes: '\"12\"')"};
  return normal_path(checked_text(key, value.text));
}

SettingValue to_text(const KeyInfo& key, const OverrideValue& value) {
  if (value.kind == Kind::kNull && key.type == KeyType::kOptionalText) return std::monostate{};
  if (is_container(value) || value.kind == Kind::kNull) throw ValueMismatch{"text"};
  return checked_text(key, value.text);
}

SettingValue to_list(const OverrideValue& value) {
  if (value.kind != Kind::kList) throw ValueMismatch{"a list such as [a,b]"};
  std::vector<std::string> list;
  for (const OverrideValue& item : value.items) {
    if (is_container(item) || item.kind == Kind::kNull || item.kind == Kind::kInterpolation)
      throw ValueMismatch{"a list of texts"};
    list.push_back(item.text);
  }
  return list;
}

}  // namespace

SettingValue convert(const KeyInfo& key, const OverrideValue& value) {
  if (value.kind == Kind::kInterpolation) {
    check_interpolation(value.text);
    return Interpolation{value.text};
  }
  if (value.kind == Kind::kText && value.text == kMissing)
    throw ValueMismatch{"given a value (??? is hydra's mark for a missing one)"};
  switch (key.type) {
    case KeyType::kInt:
      return to_integer(value);
    case KeyType::kFloat:
      return to_real(value);
    case KeyType::kBool:
      return to_flag(value);
    case KeyType::kTextList:
      return to_list(value);
    case KeyType::kOptionalPath:
      return to_path(key, value);
    case KeyType::kOptionalText:
    case KeyType::kText:
      break;
  }
  return to_text(key, value);
}

SettingValue convert_text(const KeyInfo& key, const std::string& text) {
  if (key.type == KeyType::kText || key.type == KeyType::kOptionalText ||
      key.type == KeyType::kOptionalPath)
    return checked_text(key, text);
  if (key.type != KeyType::kTextList) return convert(key, OverrideValue{.text = text});
  std::vector<std::string> list;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) list.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

OverrideValue to_override_value(const SettingValue& setting) {
  if (const bool* flag = std::get_if<bool>(&setting))
    return {.kind = Kind::kBool, .text = *flag ? "True" : "False"};
  if (const auto* integer = std::get_if<std::int64_t>(&setting))
    return {.kind = Kind::kInt, .text = std::to_string(*integer)};
  if (const auto* integer = std::get_if<BigInteger>(&setting))
    return {.kind = Kind::kInt, .text = integer->digits};
  if (const double* real = std::get_if<double>(&setting))
    return {.kind = Kind::kFloat, .text = python_float(*real)};
  if (const auto* text = std::get_if<std::string>(&setting)) return {.text = *text};
  const auto* list = std::get_if<std::vector<std::string>>(&setting);
  if (list == nullptr) return {.kind = Kind::kNull, .text = "None"};
  OverrideValue value{.kind = Kind::kList};
  for (const std::string& item : *list) value.items.push_back({.text = item});
  return value;
}

}  // namespace balr
