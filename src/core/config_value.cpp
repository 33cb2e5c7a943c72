#include "core/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  return text;
}

// Removes digits, with single underscores between them, from the front; false if there are none.
bool take_digits(std::string_view& text) {
  if (text.empty() || !is_digit(text[0])) return false;
  std::size_t end = 1;
  while (end < text.size()) {
    if (is_digit(text[end])) {
      ++end;
    } else if (text[end] == '_' && end + 1 < text.size() && is_digit(text[end + 1])) {
      end += 2;
    } else {
      break;
    }
  }
  text.remove_prefix(end);
  return true;
}

// [+-] digits
bool looks_like_integer(std::string_view text) {
  text = without_sign(text);
  return take_digits(text) && text.empty();
}

// [+-] (digits [. digits] | . digits) [e [+-] digits], or inf, nan
bool looks_like_float(std::string_view text) {
  text = without_sign(text);
  const std::string word = lower(text);
  if (word == "inf" || word == "infinity" || word == "nan") return true;
  const bool whole = take_digits(text);
  bool fraction = false;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (!whole && !fraction) return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    text = without_sign(text);
    if (!take_digits(text)) return false;
  }
  return text.empty();
}

std::string without_underscores(std::string_view text) {
  std::string result(text);
  std::erase(result, '_');
  return result;
}

// Leading zeros make a number text in the grammar (007), which a numeric field reads all the same.
bool has_leading_zero(std::string_view text) {
  text = without_sign(text);
  return text.size() > 1 && text[0] == '0' && (is_digit(text[1]) || text[1] == '_');
}

double parse_real(std::string_view text) {
  std::string digits = lower(without_underscores(trimmed(text)));
  if (!digits.empty() && digits[0] == '+') digits.erase(0, 1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    // Python: too large is infinity, too small is 0.
    const bool negative = digits[0] == '-';
    const std::size_t exponent = digits.find('e');
    const bool small = exponent != std::string::npos && digits[exponent + 1] == '-';
    value = small ? 0.0 : std::numeric_limits<double>::infinity();
    return negative ? -value : value;
  }
  (void)end;
  return value;
}

std::int64_t parse_integer(std::string_view text) {
  std::string digits = without_underscores(trimmed(text));
  if (!digits.empty() && digits[0] == '+') digits.erase(0, 1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw ValueMismatch{"an integer of at most 64 bits"};
  return value;
}

std::string python_integer(std::string_view text) {
  std::string digits = without_underscores(text);
  if (digits[0] == '+') digits.erase(0, 1);
  return digits == "-0" ? "0" : digits;
}

std::string choices_text(const KeyInfo& key) {
  std::string text;
  for (const std::string& choice : key.choices) text += (text.empty() ? "" : ", ") + choice;
  return "one of " + text;
}

SettingValue checked_text(const KeyInfo& key, const std::string& text) {
  if (text.find('\0') != std::string::npos) throw ValueMismatch{"text without a zero byte"};
  if (key.choices.empty()) return text;
  for (const std::string& choice : key.choices)
    if (lower(choice) == lower(text)) return choice;
  throw ValueMismatch{choices_text(key)};
}

std::vector<std::string> to_list(const OverrideValue& value) {
  if (value.kind != Kind::kList) throw ValueMismatch{"a list such as [a,b]"};
  std::vector<std::string> list;
  for (const OverrideValue& item : value.items) {
    if (item.kind >= Kind::kList || item.kind == Kind::kNull)
      throw ValueMismatch{"a list of texts"};
    list.push_back(item.text);
  }
  return list;
}

}  // namespace

OverrideValue classify_plain(std::string_view text) {
  const std::string word = lower(text);
  if (word == "null") return {.kind = Kind::kNull, .text = "None"};
  if (word == "true") return {.kind = Kind::kBool, .text = "True"};
  if (word == "false") return {.kind = Kind::kBool, .text = "False"};
  if (!has_leading_zero(text)) {
    if (looks_like_integer(text)) return {.kind = Kind::kInt, .text = python_integer(text)};
    if (looks_like_float(text) && !word.ends_with("infinity"))
      return {.kind = Kind::kFloat, .text = python_float(parse_real(text))};
  }
  return {.kind = Kind::kText, .text = std::string(text)};
}

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer;
  const double size = std::fabs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e16);
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  std::string text(buffer.data(), result.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::int64_t to_integer(const OverrideValue& value) {
  const bool number = value.kind == Kind::kInt || value.kind == Kind::kText;
  if (!number || !looks_like_integer(trimmed(value.text))) throw ValueMismatch{"an integer"};
  return parse_integer(value.text);
}

double to_real(const OverrideValue& value) {
  const bool number =
      value.kind == Kind::kInt || value.kind == Kind::kFloat || value.kind == Kind::kText;
  if (!number || !looks_like_float(trimmed(value.text))) throw ValueMismatch{"a number"};
  return parse_real(value.text);
}

bool to_flag(const OverrideValue& value) {
  static constexpr std::array<std::string_view, 4> kYes = {"true", "yes", "on", "y"};
  static constexpr std::array<std::string_view, 4> kNo = {"false", "no", "off", "n"};
  const bool scalar =
      value.kind == Kind::kBool || value.kind == Kind::kInt || value.kind == Kind::kText;
  const std::string word = lower(value.text);
  if (scalar && std::ranges::count(kYes, word) != 0) return true;
  if (scalar && std::ranges::count(kNo, word) != 0) return false;
  if (!scalar || !looks_like_integer(trimmed(value.text))) throw ValueMismatch{"true or false"};
  return value.text.find_first_of("123456789") != std::string::npos;
}

SettingValue convert(const KeyInfo& key, const OverrideValue& value) {
  switch (key.type) {
    case KeyType::kInt:
      return to_integer(value);
    case KeyType::kFloat:
      return to_real(value);
    case KeyType::kBool:
      return to_flag(value);
    case KeyType::kTextList:
      return to_list(value);
    case KeyType::kOptionalText:
      if (value.kind == Kind::kNull) return std::monostate{};
      break;
    case KeyType::kText:
      break;
  }
  if (value.kind >= Kind::kList || value.kind == Kind::kNull) throw ValueMismatch{"text"};
  return checked_text(key, value.text);
}

SettingValue convert_text(const KeyInfo& key, const std::string& text) {
  if (key.type == KeyType::kText || key.type == KeyType::kOptionalText)
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

std::string yaml_text(const std::string& text) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-";
  static constexpr std::array<std::string_view, 6> kWords = {"yes", "no", "on", "off", "y", "n"};
  const bool plain =
      !text.empty() && text[0] != '-' && text.find_first_not_of(kSafe) == std::string::npos &&
      classify_plain(text).kind == Kind::kText && !looks_like_float(text) && text[0] != '.' &&
      !is_digit(text[0]) && std::ranges::count(kWords, lower(text)) == 0;
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted += '\\';
    if (byte < 0x20 || byte == 0x7f) {
      quoted += "\\x";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string yaml_scalar(const SettingValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const double* real = std::get_if<double>(&value)) {
    const std::string text = python_float(*real);
    if (std::isfinite(*real)) return text;
    return text == "-inf" ? "-.inf" : "." + text;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return yaml_text(*text);
  const auto* list = std::get_if<std::vector<std::string>>(&value);
  if (list == nullptr) return "null";
  std::string joined;
  for (const std::string& item : *list) joined += (joined.empty() ? "" : ", ") + yaml_text(item);
  return "[" + joined + "]";
}

}  // namespace balr
