#include "core/yaml_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/interpolation.hpp"
#include "core/python_scalar.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// "word", "Word" or "WORD"
bool is_word(std::string_view text, std::string_view word) {
  if (lower(text) != word) return false;
  const bool upper = std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
  return upper || lower(text.substr(1)) == text.substr(1);
}

// The numbers of a:b:c to the base 60; the last may have a fraction.
std::optional<std::vector<std::string>> sexagesimal(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  std::vector<std::string> parts = {""};
  for (const char c : text) {
    if (c == ':')
      parts.emplace_back();
    else if (c != '_' || parts.size() > 1)
      parts.back() += c;
  }
  if (parts.size() < 2 || !all_of(parts[0], kDigits)) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t point = std::min(parts[i].find('.'), parts[i].size());
    const std::string whole = parts[i].substr(0, point);
    const bool last = i + 1 == parts.size();
    if (!all_of(whole, kDigits) || whole.size() > 2 || (whole.size() == 2 && whole[0] > '5') ||
        (point < parts[i].size() && !last) ||
        parts[i].find_first_not_of("0123456789_", point + 1) < parts[i].size())
      return std::nullopt;
    std::erase(parts[i], '_');
  }
  return parts;
}

std::optional<std::string> based_integer(std::string_view digits, int base) {
  std::string plain(digits);
  std::erase(plain, '_');
  std::uint64_t value = 0;
  const auto result = std::from_chars(plain.data(), plain.data() + plain.size(), value, base);
  if (result.ec != std::errc() || result.ptr != plain.data() + plain.size()) return std::nullopt;
  return std::to_string(value);
}

// The digits of an integer without its sign.
std::optional<std::string> unsigned_integer(std::string_view text) {
  if (text.starts_with("0b")) return based_integer(text.substr(2), 2);
  if (text.starts_with("0x")) return based_integer(text.substr(2), 16);
  if (text.size() > 1 && text[0] == '0' && all_of(text, "01234567_")) {
    const auto octal = based_integer(text, 8);
    return octal ? octal : std::optional<std::string>();
  }
  if (text == "0" || (all_of(text, "0123456789_") && text[0] >= '1' && text[0] <= '9'))
    return [&] {
      std::string d(text);
      std::erase(d, '_');
      return d;
    }();
  if (text.empty() || text[0] < '1' || text[0] > '9' || text.find('.') != std::string_view::npos)
    return std::nullopt;
  const auto parts = sexagesimal(text);
  if (!parts) return std::nullopt;
  std::int64_t value = 0;
  for (const std::string& part : *parts) {
    if (value > (std::int64_t{1} << 50) || part.size() > 15) return std::nullopt;
    value = value * 60 + std::stoll(part);
  }
  return std::to_string(value);
}

// digits [. digits] [e [+-] digits], with _ between digits; a point or an exponent is needed.
bool is_decimal_float(std::string_view text) {
  const std::size_t exponent = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, exponent);
  const std::size_t point = mantissa.find('.');
  if (exponent < text.size()) {
    std::string_view digits = text.substr(exponent + 1);
    const bool sign = !digits.empty() && (digits[0] == '+' || digits[0] == '-');
    if (sign) digits.remove_prefix(1);
    if (!all_of(digits, "0123456789")) return false;
    // ".5e3" and "1_.5e3" are texts.
    const bool grouped = point != 0 && looks_like_integer(mantissa.substr(0, point));
    if (!grouped && !sign) return false;
  }
  if (point == std::string_view::npos)
    return exponent < text.size() && all_of(mantissa, "0123456789_") && is_digit(mantissa[0]) &&
           looks_like_integer(mantissa);
  const std::string_view fraction = mantissa.substr(point + 1);
  if (point == 0) return all_of(fraction, "0123456789_") && is_digit(fraction[0]);
  return is_digit(mantissa[0]) && all_of(mantissa.substr(0, point), "0123456789_") &&
         (fraction.empty() || all_of(fraction, "0123456789_"));
}

std::optional<double> unsigned_float(std::string_view text) {
  if (is_word(text.substr(std::min<std::size_t>(1, text.size())), "inf") && text[0] == '.')
    return parse_real("inf");
  std::string plain(text);
  std::erase(plain, '_');
  if (is_decimal_float(text)) return parse_real(plain);
  if (text.find('.') == std::string_view::npos) return std::nullopt;
  const auto parts = sexagesimal(text);
  if (!parts) return std::nullopt;
  double value = 0;
  for (const std::string& part : *parts) value = value * 60 + parse_real(part);
  return value;
}

// One character of UTF-8 from the front; nothing, and one byte taken, if there is none.
std::optional<std::uint32_t> take_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t code = length == 1 ? first : first & (0x7fu >> length);
  bool good = first < 0x80 || (first >= 0xc2 && first <= 0xf4);
  for (std::size_t i = 1; good && i < length; ++i) {
    good = i < text.size() && (byte(i) & 0xc0) == 0x80;
    if (good) code = (code << 6) | (byte(i) & 0x3f);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  good = good && code >= kSmallest[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  text.remove_prefix(good ? length : 1);
  return good ? std::optional<std::uint32_t>(code) : std::nullopt;
}

std::string hex(std::uint32_t code, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text += "0123456789abcdef"[(code >> shift) & 15];
  return text;
}

// Characters that a YAML reader refuses or folds.
bool is_special(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
         code == 0xfeff || code == 0xfffe || code == 0xffff;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const std::string_view before = text;
    const std::optional<std::uint32_t> code = take_character(text);
    if (!code) {
      result += "\xef\xbf\xbd";  // U+FFFD
    } else if (*code == '"' || *code == '\\') {
      result += {'\\', static_cast<char>(*code)};
    } else if (is_special(*code)) {
      result += *code < 0x100 ? "\\x" + hex(*code, 2) : "\\u" + hex(*code, 4);
    } else {
      result += before.substr(0, before.size() - text.size());
    }
  }
  return result + '"';
}

}  // namespace

OverrideValue classify_yaml(const std::string& text) {
  if (text.empty() || text == "~" || is_word(text, "null"))
    return {.kind = Kind::kNull, .text = "None"};
  for (const char* word : {"yes", "true", "on"})
    if (is_word(text, word)) return {.kind = Kind::kBool, .text = "True"};
  for (const char* word : {"no", "false", "off"})
    if (is_word(text, word)) return {.kind = Kind::kBool, .text = "False"};
  if (text[0] == '.' &&
      (text.substr(1) == "nan" || text.substr(1) == "NaN" || text.substr(1) == "NAN"))
    return {.kind = Kind::kFloat, .text = "nan"};
  const bool sign = text[0] == '+' || text[0] == '-';
  const std::string_view digits = std::string_view(text).substr(sign ? 1 : 0);
  const std::string minus = text[0] == '-' ? "-" : "";
  if (const auto integer = unsigned_integer(digits))
    return {.kind = Kind::kInt, .text = canonical_integer(minus + *integer)};
  const bool point_first = digits.starts_with(".") && !is_word(digits.substr(1), "inf");
  if (sign && point_first) return written_text(text);  // "+.5" is a text
  if (const auto real = unsigned_float(digits))
    return {.kind = Kind::kFloat, .text = python_float(minus.empty() ? *real : -*real)};
  return written_text(text);
}

namespace {

// Whether a text may stand without quotes.
bool is_plain(const std::string& text) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-";
  const bool letter = !text.empty() && (text[0] == '/' || text[0] == '_' ||
                                        (lower(text)[0] >= 'a' && lower(text)[0] <= 'z'));
  const std::string word = lower(text);
  const bool plain = letter && all_of(text, kSafe) && classify_yaml(text).kind == Kind::kText &&
                     classify_yaml(word).kind == Kind::kText && word != "y" && word != "n" &&
                     !looks_like_float(text);
  return plain;
}

}  // namespace

std::string yaml_text(const std::string& text) {
  return is_plain(text) ? text : quoted(escape_interpolation(text));
}

std::string yaml_name(const std::string& name) { return is_plain(name) ? name : quoted(name); }

std::string yaml_value(const OverrideValue& value) {
  std::string joined;
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.text == "True" ? "true" : "false";
    case Kind::kFloat:
      if (value.text == "inf" || value.text == "nan") return "." + value.text;
      return value.text == "-inf" ? "-.inf" : value.text;
    case Kind::kInt:
      return value.text;
    case Kind::kInterpolation:
      return quoted(value.text);
    case Kind::kText:
      return yaml_text(value.text);
    case Kind::kList:
      for (const OverrideValue& item : value.items)
        joined += (joined.empty() ? "" : ", ") + yaml_value(item);
      return "[" + joined + "]";
    case Kind::kDict:
      break;
  }
  for (const auto& [name, entry] : value.entries)
    joined += (joined.empty() ? "" : ", ") + yaml_name(name) + ": " + yaml_value(entry);
  return "{" + joined + "}";
}

}  // namespace balr
