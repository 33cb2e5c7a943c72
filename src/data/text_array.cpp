#include "data/text_array.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

// Appends the line's numbers; returns how many.
std::int64_t parse_line(std::string_view line, std::size_t number, std::vector<float>& values) {
  std::int64_t count = 0;
  line = line.substr(0, line.find('#'));
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return count;
    const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
    double value = 0;
    if (!parse_number(word, value))
      throw DataError("line " + std::to_string(number) + " holds something that is not a number");
    values.push_back(static_cast<float>(value));
    line.remove_prefix(word.size());
    ++count;
  }
}

}  // namespace

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.ends_with(')')) return false;  // nan(...) is C's
  if (error != std::errc::result_out_of_range) return error == std::errc();
  // Beyond double: as strtod rounds it, to infinity or to zero.
  value = std::strtod(std::string(text).c_str(), nullptr);
  return true;
}

VectorArray parse_text_array(std::string_view text) {
  VectorArray out;
  std::int64_t rows = 0, columns = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::int64_t count = parse_line(line, number, out.values);
    if (count == 0) continue;
    if (rows > 0 && count != columns)
      throw DataError("line " + std::to_string(number) + " has " + std::to_string(count) +
                      " numbers, and the lines before have " + std::to_string(columns));
    columns = count;
    ++rows;
  }
  if (rows == 0) throw DataError("it holds no numbers");
  if (rows > 1) out.shape.push_back(rows);
  if (columns > 1) out.shape.push_back(columns);
  return out;
}

std::string text_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  BALR_CHECK(shape.size() <= 2);
  const std::size_t columns = shape.size() == 2 ? static_cast<std::size_t>(shape[1]) : 1;
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    char text[40];
    std::snprintf(text, sizeof text, "%.18e", static_cast<double>(values[i]));
    // Python has one way to write a NaN.
    out += std::isnan(values[i]) ? "nan" : text;
    out += (i + 1) % columns == 0 ? '\n' : ' ';
  }
  return out;
}

}  // namespace balr
