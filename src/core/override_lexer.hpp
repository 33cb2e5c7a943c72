#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/override_value.hpp"

namespace balr {

// The tokens of a value in hydra's override grammar (its OverrideLexer.g4, VALUE_MODE).
enum class TokenKind {
  kFloat,
  kInt,
  kBool,
  kNull,
  kCharacter,
  kId,
  kEscape,
  kBlank,  // atoms, which make up bare text
  kParenOpen,
  kComma,
  kParenClose,
  kBracketOpen,
  kBracketClose,
  kBraceOpen,
  kBraceClose,
  kColon,
  kEqual,
  kQuoted,
  kInterpolation,
  kEnd,
  kError,
};

struct Token {
  TokenKind kind;
  std::string_view text;  // punctuation: with the blanks that belong to it
};

// The longest atom at the start of `text`; kError if there is none.
Token longest_atom(std::string_view text);
// \, \( \) \[ \] \{ \} \: \= \, \  and a tab: the characters that a backslash makes ordinary.
bool is_escapable(char c);
// The value of one atom that stands alone, and its text where it stands beside others.
OverrideValue atom_value(const Token& token);
std::string atom_text(const Token& token);
bool is_id(std::string_view text);  // letter or _, then letters, digits, _ and -
// Without the blanks and tabs in front.
std::string_view skip_blanks(std::string_view text);

// All tokens of `text`; the last is kEnd, or kError at the first character that starts none.
std::vector<Token> lex_value(std::string_view text);

}  // namespace balr
