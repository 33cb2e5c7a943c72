#include "core/override_lexer.hpp"

#include <algorithm>

#include "core/python_scalar.hpp"

namespace balr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

char at(std::string_view text, std::size_t i) { return i < text.size() ? text[i] : '\0'; }

// The functions below return the end of what they read from `begin` on, or `begin`.

// digit (_? digit)*
std::size_t digits_end(std::string_view text, std::size_t begin) {
  if (!is_digit(at(text, begin))) return begin;
  std::size_t end = begin + 1;
  while (is_digit(at(text, end)) || (at(text, end) == '_' && is_digit(at(text, end + 1))))
    end += is_digit(text[end]) ? 1 : 2;
  return end;
}

// Like that, but a zero in front stands alone.
std::size_t unsigned_end(std::string_view text, std::size_t begin) {
  return at(text, begin) == '0' ? begin + 1 : digits_end(text, begin);
}

std::size_t sign_end(std::string_view text, std::size_t begin) {
  return at(text, begin) == '+' || at(text, begin) == '-' ? begin + 1 : begin;
}

std::size_t float_end(std::string_view text) {
  const std::size_t begin = sign_end(text, 0);
  const std::string word = lower(text.substr(begin, 3));
  if (word == "inf" || word == "nan") return begin + 3;
  const std::size_t whole = unsigned_end(text, begin);
  std::size_t point = whole;
  if (at(text, whole) == '.') {
    point = digits_end(text, whole + 1);
    if (point == whole + 1 && whole == begin) return 0;  // a point alone
  }
  if (point == begin) return 0;
  if (at(text, point) == 'e' || at(text, point) == 'E') {
    const std::size_t exponent = sign_end(text, point + 1);
    const std::size_t end = digits_end(text, exponent);
    if (end != exponent) return end;
  }
  return point == whole ? 0 : point;
}

std::size_t int_end(std::string_view text) {
  const std::size_t begin = sign_end(text, 0);
  const std::size_t end = unsigned_end(text, begin);
  return end == begin ? 0 : end;
}

std::size_t word_end(std::string_view text, std::string_view word) {
  return lower(text.substr(0, word.size())) == word ? word.size() : 0;
}

std::size_t id_end(std::string_view text) {
  if (!is_letter(at(text, 0)) && at(text, 0) != '_') return 0;
  std::size_t end = 1;
  while (is_letter(at(text, end)) || is_digit(at(text, end)) || at(text, end) == '_' ||
         at(text, end) == '-')
    ++end;
  return end;
}

std::size_t escape_end(std::string_view text) {
  std::size_t end = 0;
  while (at(text, end) == '\\' && end + 1 < text.size() && is_escapable(text[end + 1])) end += 2;
  return end;
}

std::size_t blank_end(std::string_view text) { return text.size() - skip_blanks(text).size(); }

// A quoted text ends at the first quote that an even number of backslashes precedes.
std::size_t quoted_end(std::string_view text) {
  const char quote = text[0];
  std::size_t backslashes = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote && backslashes % 2 == 0) return i + 1;
    backslashes = text[i] == '\\' ? backslashes + 1 : 0;
  }
  return 0;
}

std::size_t interpolation_end(std::string_view text) {
  const std::size_t end = text.find('}');
  return text.starts_with("${") && end != std::string_view::npos && end > 2 ? end + 1 : 0;
}

// Punctuation takes blanks with it: before it, after it, or both.
struct Punctuation {
  char sign;
  TokenKind kind;
  bool before;
  bool after;
};
constexpr Punctuation kPunctuation[] = {
    {'(', TokenKind::kParenOpen, true, true},     {',', TokenKind::kComma, true, true},
    {')', TokenKind::kParenClose, true, false},   {'[', TokenKind::kBracketOpen, false, true},
    {']', TokenKind::kBracketClose, true, false}, {'{', TokenKind::kBraceOpen, false, true},
    {'}', TokenKind::kBraceClose, true, false},   {':', TokenKind::kColon, true, true},
    {'=', TokenKind::kEqual, true, true},
};

Token next_token(std::string_view text) {
  if (text.empty()) return {TokenKind::kEnd, text};
  const std::size_t blanks = blank_end(text);
  for (const Punctuation& p : kPunctuation) {
    if (at(text, blanks) != p.sign || (blanks > 0 && !p.before)) continue;
    const std::size_t end = blanks + 1;
    return {p.kind, text.substr(0, p.after ? end + blank_end(text.substr(end)) : end)};
  }
  if (const std::size_t end = interpolation_end(text))
    return {TokenKind::kInterpolation, text.substr(0, end)};
  if (text[0] == '\'' || text[0] == '"') {
    const std::size_t end = quoted_end(text);
    return {end == 0 ? TokenKind::kError : TokenKind::kQuoted, text.substr(0, end)};
  }
  return longest_atom(text);
}

}  // namespace

bool is_escapable(char c) {
  return std::string_view("\\()[]{}:=, \t").find(c) != std::string_view::npos;
}

bool is_id(std::string_view text) { return !text.empty() && id_end(text) == text.size(); }

std::string atom_text(const Token& token) {
  if (token.kind != TokenKind::kEscape) return std::string(token.text);
  std::string text;
  for (std::size_t i = 1; i < token.text.size(); i += 2) text += token.text[i];
  return text;
}

OverrideValue atom_value(const Token& token) {
  using Kind = OverrideValue::Kind;
  switch (token.kind) {
    case TokenKind::kNull:
      return {.kind = Kind::kNull, .text = "None"};
    case TokenKind::kBool:
      return {.kind = Kind::kBool, .text = lower(token.text) == "true" ? "True" : "False"};
    case TokenKind::kInt:
      return {.kind = Kind::kInt, .text = canonical_integer(token.text)};
    case TokenKind::kFloat:
      return {.kind = Kind::kFloat, .text = python_float(parse_real(token.text))};
    default:
      return {.text = atom_text(token)};
  }
}

std::string_view skip_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? text.substr(text.size()) : text.substr(begin);
}

Token longest_atom(std::string_view text) {
  constexpr std::string_view kCharacters = "/-\\+.$%*@?|";
  const bool character = !text.empty() && kCharacters.find(text[0]) != std::string_view::npos;
  // The first of the longest wins: inf is a number, but info a name.
  const std::pair<TokenKind, std::size_t> candidates[] = {
      {TokenKind::kFloat, float_end(text)},
      {TokenKind::kInt, int_end(text)},
      {TokenKind::kBool, std::max(word_end(text, "true"), word_end(text, "false"))},
      {TokenKind::kNull, word_end(text, "null")},
      {TokenKind::kCharacter, character ? 1 : 0},
      {TokenKind::kId, id_end(text)},
      {TokenKind::kEscape, escape_end(text)},
      {TokenKind::kBlank, blank_end(text)},
  };
  std::pair<TokenKind, std::size_t> best = {TokenKind::kError, 0};
  for (const auto& candidate : candidates)
    if (candidate.second > best.second) best = candidate;
  return {best.first, text.substr(0, best.second)};
}

std::vector<Token> lex_value(std::string_view text) {
  std::vector<Token> tokens;
  while (true) {
    tokens.push_back(next_token(text));
    const Token& token = tokens.back();
    if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kError) return tokens;
    text.remove_prefix(token.text.size());
  }
}

}  // namespace balr
