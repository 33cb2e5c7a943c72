#include "core/override_parser.hpp"

#include <algorithm>

#include "balr/core/error.hpp"
#include "core/override_functions.hpp"
#include "core/override_key.hpp"
#include "core/override_lexer.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

constexpr int kMaxDepth = 32;             // of nested lists, dicts and functions
constexpr std::size_t kMaxDigits = 4300;  // of an integer, as in Python

bool is_bare(TokenKind kind) {
  return kind <= TokenKind::kBlank || kind == TokenKind::kInterpolation ||
         kind == TokenKind::kColon;
}

// Backslashes count only in a run that ends at a quote: each pair is one backslash, an odd one
// keeps the quote.
std::string unquoted(std::string_view text) {
  const char quote = text[0];
  std::string result;
  std::size_t backslashes = 0;
  for (const char c : text.substr(1)) {
    if (c == '\\') {
      ++backslashes;
      continue;
    }
    result.append(c == quote ? backslashes / 2 : backslashes, '\\');
    backslashes = 0;
    result += c;
  }
  result.pop_back();  // the closing quote
  return result;
}

class Parser {
 public:
  explicit Parser(std::string_view argument) : argument_(argument) {}

  Override parse() {
    Override result;
    result.argument = std::string(argument_);
    std::string_view rest = argument_;
    result.mode = parse_mode(rest);
    const std::size_t equal = rest.find('=');
    result.key = std::string(rest.substr(0, equal));
    check_key(result.key);
    if (equal == std::string_view::npos) {
      if (result.mode != OverrideMode::kRemove) fail("has no '='; write key=value");
      return result;
    }
    tokens_ = lex_value(skip_blanks(rest.substr(equal + 1)));
    result.value = parse_top_value();
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError("override '" + shown_text(std::string(argument_)) + "' " + what);
  }

  static OverrideMode parse_mode(std::string_view& text) {
    const bool force = text.starts_with("++");
    const bool add = text.starts_with("+");
    const bool remove = text.starts_with("~");
    text.remove_prefix(force ? 2 : add || remove ? 1 : 0);
    if (force) return OverrideMode::kForce;
    if (add) return OverrideMode::kAdd;
    return remove ? OverrideMode::kRemove : OverrideMode::kSet;
  }

  void check_key(const std::string& key) const {
    if (key.empty()) fail("has no key before '='; write key=value");
    if (!is_override_key(key))
      fail("has the malformed key '" + shown_text(key) + "'; a key is names joined by single dots");
  }

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  bool accept(TokenKind kind) {
    if (peek().kind != kind) return false;
    ++next_;
    return true;
  }
  // What stands at the current place, for messages.
  std::string here() const {
    const Token& token = peek();
    if (token.kind == TokenKind::kEnd) return "its end stands";
    const auto begin = static_cast<std::size_t>(token.text.data() - argument_.data());
    std::string_view rest = skip_blanks(argument_.substr(begin));
    std::size_t length = 1;  // a whole character of UTF-8
    while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xc0) == 0x80)
      ++length;
    return "'" + shown_text(std::string(rest.substr(0, length))) + "' stands";
  }
  // What is wrong at the current place, where `what` says it in general.
  [[noreturn]] void fail_here(const std::string& what) const {
    const auto begin = static_cast<std::size_t>(peek().text.data() - argument_.data());
    const char c = begin < argument_.size() ? argument_[begin] : ' ';
    if (peek().kind == TokenKind::kError && (c == '\'' || c == '"'))
      fail(std::string("has a quote ") + c + " without its end; add it");
    fail(what);
  }
  void expect(TokenKind kind, const char* sign) {
    if (!accept(kind))
      fail_here(std::string("needs '") + sign + "' where " + here() +
                "; put a value with special characters into quotes");
  }

  OverrideValue parse_top_value() {
    if (peek().kind == TokenKind::kEnd) return {};
    OverrideValue value = parse_element(0);
    if (peek().kind == TokenKind::kComma)
      fail("is ambiguous; write a list as key=[a,b], or put text with a comma into quotes");
    if (peek().kind != TokenKind::kEnd)
      fail_here("has an unexpected character where " + here() + "; put the value into quotes");
    return value;
  }

  OverrideValue parse_element(int depth) {
    if (depth > kMaxDepth) fail("is nested too deeply");
    if (accept(TokenKind::kBracketOpen)) return parse_list(depth);
    if (accept(TokenKind::kBraceOpen)) return parse_dict(depth);
    if (peek().kind == TokenKind::kQuoted) return written_text(unquoted(tokens_[next_++].text));
    if (peek().kind == TokenKind::kId && peek(1).kind == TokenKind::kParenOpen)
      return parse_function(depth);
    return parse_bare("a value", is_bare);
  }

  OverrideValue parse_list(int depth) {
    OverrideValue list{.kind = Kind::kList};
    if (accept(TokenKind::kBracketClose)) return list;
    do list.items.push_back(parse_element(depth + 1));
    while (accept(TokenKind::kComma));
    expect(TokenKind::kBracketClose, "]");
    return list;
  }

  OverrideValue parse_dict(int depth) {
    OverrideValue dict{.kind = Kind::kDict};
    if (accept(TokenKind::kBraceClose)) return dict;
    do {
      const OverrideValue key =
          parse_bare("a key", [](TokenKind kind) { return kind <= TokenKind::kBlank; });
      if (key.kind == Kind::kNull) fail("has the key null; a key is a name");
      expect(TokenKind::kColon, ":");
      OverrideValue value = parse_element(depth + 1);
      if (OverrideValue* known = find_entry(dict, key.text))
        *known = std::move(value);  // the last one counts, as in Python
      else
        dict.entries.emplace_back(key.text, std::move(value));
    } while (accept(TokenKind::kComma));
    expect(TokenKind::kBraceClose, "}");
    return dict;
  }

  OverrideValue parse_function(int depth) {
    const std::string name(tokens_[next_].text);
    next_ += 2;
    std::vector<OverrideValue> arguments;
    NamedArguments named;
    if (!accept(TokenKind::kParenClose)) {
      do {
        const bool has_name = peek().kind == TokenKind::kId && peek(1).kind == TokenKind::kEqual;
        const std::string argument(has_name ? peek().text : "");
        if (has_name) next_ += 2;
        if (!has_name && !named.empty()) fail("has an argument without name behind a named one");
        OverrideValue value = parse_element(depth + 1);
        if (has_name)
          named.emplace_back(argument, std::move(value));
        else
          arguments.push_back(std::move(value));
      } while (accept(TokenKind::kComma));
      expect(TokenKind::kParenClose, ")");
    }
    try {
      return call_override_function(name, arguments, named);
    } catch (const FunctionMismatch& mismatch) {
      fail("calls " + name + "(), but " + mismatch.reason + "; write the value itself");
    }
  }

  // Tokens side by side, without the blanks around; one token alone has its type.
  template <class Belongs>
  OverrideValue parse_bare(const char* what, Belongs belongs) {
    const std::size_t begin = next_;
    while (belongs(peek().kind)) ++next_;
    if (next_ == begin)
      fail_here(std::string("needs ") + what + " where " + here() +
                "; put special characters into quotes");
    std::size_t first = begin;
    std::size_t last = next_;
    if (tokens_[first].kind == TokenKind::kBlank) ++first;
    if (last > first && tokens_[last - 1].kind == TokenKind::kBlank) --last;
    if (first == last) fail(std::string("has blanks only where ") + what + " should stand");
    if (last - first == 1) return single(tokens_[first]);
    std::string text;
    for (std::size_t i = first; i < last; ++i) text += atom_text(tokens_[i]);
    return written_text(std::move(text));
  }

  OverrideValue single(const Token& token) const {
    if (token.kind == TokenKind::kInt && token.text.size() > kMaxDigits)
      fail("has an integer of more than 4300 digits");
    OverrideValue value = atom_value(token);
    return value.kind == Kind::kText ? written_text(std::move(value.text)) : value;
  }

  std::string_view argument_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

}  // namespace

Override parse_override(std::string_view argument) { return Parser(argument).parse(); }

}  // namespace balr
