#include "core/python_scalar.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace balr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

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

// Whether a number beyond the range of double, in the form of from_chars, is a huge one.
bool is_huge(std::string_view digits) {
  const std::size_t exponent = digits.find('e');
  if (exponent != std::string_view::npos) return digits[exponent + 1] != '-';
  const std::size_t first = digits.find_first_of("123456789");
  return first < std::min(digits.find('.'), digits.size());
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v\x1c\x1d\x1e\x1f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool looks_like_integer(std::string_view text) {
  text = without_sign(trimmed(text));
  return take_digits(text) && text.empty();
}

bool looks_like_float(std::string_view text) {
  text = without_sign(trimmed(text));
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
    text = without_sign(text.substr(1));
    if (!take_digits(text)) return false;
  }
  return text.empty();
}

double parse_real(std::string_view text) {
  std::string digits = lower(trimmed(text));
  std::erase(digits, '_');
  if (!digits.empty() && digits[0] == '+') digits.erase(0, 1);
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec == std::errc::result_out_of_range) {
    value = is_huge(digits) ? std::numeric_limits<double>::infinity() : 0.0;
    return digits[0] == '-' ? -value : value;
  }
  return value;
}

std::string canonical_integer(std::string_view text) {
  text = trimmed(text);
  const bool negative = !text.empty() && text[0] == '-';
  std::string digits(without_sign(text));
  std::erase(digits, '_');
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return negative && digits != "0" ? "-" + digits : digits;
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

std::optional<std::string> truncated_integer(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 512> buffer;  // the largest double has 309 digits
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::trunc(value),
                                    std::chars_format::fixed);
  return canonical_integer(std::string_view(buffer.data(), result.ptr));
}

}  // namespace balr
