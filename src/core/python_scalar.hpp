#pragma once
#include <optional>
#include <string>
#include <string_view>

// Numbers as Python reads and prints them: what int(), float() and repr() do.
namespace balr {

// Texts that int() and float() take, but for digits that are not ASCII.
bool looks_like_integer(std::string_view text);  // [+-] digits
bool looks_like_float(std::string_view text);    // also inf, infinity, nan

// The value of text that looks_like_float: too large is infinity, too small is 0.
double parse_real(std::string_view text);
// Text that looks_like_integer without blanks, '+', '_' and zeros in front: "-0_07" is "-7".
std::string canonical_integer(std::string_view text);
// A float as repr() prints it: the shortest text that reads back equal.
std::string python_float(double value);
// int(value) of any size; nothing for infinities and NaN.
std::optional<std::string> truncated_integer(double value);

std::string_view trimmed(std::string_view text);  // without white space at the ends
std::string lower(std::string_view text);         // ASCII letters only

}  // namespace balr
