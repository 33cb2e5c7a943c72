#include "core/override_parser.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "balr/core/error.hpp"
#include "core/config_value.hpp"

namespace balr {
namespace {

constexpr int kMaxDepth = 32;  // of nested lists and dicts

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}
// Characters that may stand in a value without quotes or backslash.
bool is_unquoted(char c) {
  return is_word(c) || std::string_view("/\\+.$%*@?|:").find(c) != std::string_view::npos;
}
// Characters that a backslash makes ordinary; before any other the backslash itself is ordinary.
bool is_escapable(char c) {
  return std::string_view("\\()[]{}:=, \t").find(c) != std::string_view::npos;
}

std::int64_t truncated(double value) {
  if (!(std::fabs(value) < 0x1p63)) throw ValueMismatch{"an integer of at most 64 bits"};
  return static_cast<std::int64_t>(value);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Override parse() {
    Override result;
    result.argument = std::string(text_);
    result.mode = parse_mode();
    result.key = parse_key();
    if (at_end()) {
      if (result.mode != OverrideMode::kRemove) fail("has no '='; write key=value");
      return result;
    }
    expect('=');
    result.value = parse_top_value();
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError("override '" + std::string(text_) + "' " + what);
  }
  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  void skip_blanks() {
    while (!at_end() && is_blank(peek())) ++position_;
  }
  bool accept(char c) {
    if (at_end() || peek() != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      fail(std::string("needs '") + c + "' at character " + std::to_string(position_ + 1) +
           "; put a value with special characters into quotes");
  }

  OverrideMode parse_mode() {
    if (accept('~')) return OverrideMode::kRemove;
    if (!accept('+')) return OverrideMode::kSet;
    return accept('+') ? OverrideMode::kForce : OverrideMode::kAdd;
  }

  std::string parse_key() {
    const std::size_t begin = position_;
    while (!at_end() && peek() != '=') ++position_;
    const std::string key(text_.substr(begin, position_ - begin));
    if (key.empty()) fail("has no key before '='; write key=value");
    char before = '.';
    for (const char c : key) {
      const bool good = is_word(c) || (c == '.' && before != '.');
      if (!good) fail("has the malformed key '" + key + "'; a key is names joined by single dots");
      before = c;
    }
    if (before == '.')
      fail("has the malformed key '" + key + "'; a key is names joined by single dots");
    return key;
  }

  OverrideValue parse_top_value() {
    skip_blanks();
    OverrideValue value = at_end() ? OverrideValue{} : parse_value(0);
    skip_blanks();
    if (peek() == ',' && !at_end())
      fail("is ambiguous; write a list as key=[a,b], or put text with a comma into quotes");
    if (!at_end())
      fail(std::string("has an unexpected character '") + peek() + "'; put the value into quotes");
    return value;
  }

  OverrideValue parse_value(int depth) {
    if (depth > kMaxDepth) fail("is nested too deeply");
    skip_blanks();
    if (peek() == '[') return parse_list(depth);
    if (peek() == '{') return parse_dict(depth);
    if (peek() == '\'' || peek() == '"') return parse_quoted();
    if (const auto name = function_name()) return parse_cast(*name, depth);
    return parse_unquoted("a value");
  }

  OverrideValue parse_list(int depth) {
    OverrideValue list{.kind = OverrideValue::Kind::kList};
    expect('[');
    skip_blanks();
    if (accept(']')) return list;
    do {
      list.items.push_back(parse_value(depth + 1));
      skip_blanks();
    } while (accept(','));
    expect(']');
    return list;
  }

  OverrideValue parse_dict(int depth) {
    OverrideValue dict{.kind = OverrideValue::Kind::kDict};
    expect('{');
    skip_blanks();
    if (accept('}')) return dict;
    do {
      skip_blanks();
      std::string key = parse_unquoted("a key", /*stop_at_colon=*/true).text;
      expect(':');
      dict.entries.emplace_back(std::move(key), parse_value(depth + 1));
      skip_blanks();
    } while (accept(','));
    expect('}');
    return dict;
  }

  // Backslashes count only in a run that ends at a quote: each pair is one backslash, an odd one
  // keeps the quote.
  OverrideValue parse_quoted() {
    const char quote = text_[position_++];
    OverrideValue value;
    while (true) {
      if (at_end()) fail(std::string("has a quote ") + quote + " without its end; add it");
      if (accept(quote)) break;
      const std::size_t begin = position_;
      while (!at_end() && peek() == '\\') ++position_;
      std::size_t backslashes = position_ - begin;
      if (backslashes == 0) {
        value.text += text_[position_++];
      } else if (peek() != quote || at_end()) {
        value.text.append(backslashes, '\\');
      } else {
        value.text.append(backslashes / 2, '\\');
        if (backslashes % 2 == 1) value.text += text_[position_++];
      }
    }
    refuse_interpolation(value.text);
    return value;
  }

  OverrideValue parse_unquoted(const char* what, bool stop_at_colon = false) {
    std::string text;
    std::size_t kept = 0;  // length without the blanks at the end
    bool escaped = false;
    while (!at_end()) {
      const char c = peek();
      if (c == '$' && text_.substr(position_).starts_with("${")) refuse_interpolation("${");
      if (c == '\\' && position_ + 1 < text_.size() && is_escapable(text_[position_ + 1])) {
        text += text_[position_ + 1];
        position_ += 2;
        kept = text.size();
        escaped = true;
        continue;
      }
      if ((stop_at_colon && c == ':') || !(is_unquoted(c) || is_blank(c))) break;
      text += c;
      ++position_;
      if (!is_blank(c)) kept = text.size();
    }
    text.resize(kept);
    if (text.empty() && !at_end())
      fail(std::string("needs ") + what + " where '" + peek() +
           "' stands; put special characters into quotes");
    if (text.empty()) fail(std::string("ends where ") + what + " should stand");
    if (escaped) return OverrideValue{.text = std::move(text)};
    return classify_plain(text);
  }

  void refuse_interpolation(const std::string& text) const {
    if (text.find("${") != std::string::npos)
      fail("uses the interpolation ${...}, which balr does not know; write the value itself");
  }

  // `name` if `name(` comes next.
  std::optional<std::string> function_name() const {
    std::size_t end = position_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (end == position_ || end == text_.size() || text_[end] != '(') return std::nullopt;
    return std::string(text_.substr(position_, end - position_));
  }

  OverrideValue parse_cast(const std::string& name, int depth) {
    using Kind = OverrideValue::Kind;
    const bool is_cast = name == "int" || name == "float" || name == "str" || name == "bool";
    if (!is_cast)
      fail("calls " + name +
           "(), which balr does not know (there are no sweeps); write the value itself");
    position_ += name.size();
    expect('(');
    const OverrideValue inner = parse_value(depth + 1);
    skip_blanks();
    expect(')');
    if (name == "str" && inner.kind < Kind::kList) return OverrideValue{.text = inner.text};
    try {
      if (name == "int") {
        // As Python's int(): a float loses its fraction.
        if (inner.kind == Kind::kFloat)
          return classify_plain(std::to_string(truncated(to_real(inner))));
        return classify_plain(std::to_string(to_integer(inner)));
      }
      if (name == "float") return classify_plain(python_float(to_real(inner)));
      if (name == "bool") return classify_plain(to_flag(inner) ? "true" : "false");
    } catch (const ValueMismatch&) {
    }
    fail("calls " + name + "() on something it cannot convert; write the value itself");
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

Override parse_override(std::string_view argument) { return Parser(argument).parse(); }

}  // namespace balr
