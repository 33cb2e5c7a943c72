#include "core/interpolation.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/override_key.hpp"
#include "core/override_lexer.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

constexpr int kMaxDepth = 32;  // of interpolations, lists and dicts in a text
constexpr std::size_t kMaxText = std::size_t{1} << 20;  // bytes of a result

[[noreturn]] void fail(const std::string& reason) { throw InterpolationError{reason}; }

// str(value) of Python.
std::string as_text(const OverrideValue& value) {
  if (is_container(value)) fail("a list or a set of keys cannot be a part of a text");
  return value.text;
}

class Evaluator {
 public:
  // Without a source the text is only checked.
  Evaluator(std::string_view text, const NodePath& parent, InterpolationSource* source, int depth)
      : text_(text), parent_(parent), source_(source), depth_(depth) {}

  OverrideValue whole_text() { return parse_text('\0'); }

  OverrideValue whole_element() {
    next_ = text_.size() - skip_blanks(text_).size();
    OverrideValue value = parse_element();
    if (!skip_blanks(rest()).empty()) malformed();
    return value;
  }

 private:
  struct Deeper {
    explicit Deeper(int& depth) : depth_(depth) {
      if (++depth_ > kMaxDepth) fail("it is nested too deeply");
    }
    ~Deeper() { --depth_; }
    int& depth_;
  };

  [[noreturn]] void malformed() const {
    fail("'" + shown_text(std::string(text_)) + "' is malformed at character " +
         std::to_string(next_ + 1));
  }
  std::string_view rest() const { return text_.substr(next_); }
  bool at_end() const { return next_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[next_]; }
  // Takes `sign` with the blanks before it, after it, or both.
  bool accept(char sign, bool before, bool after) {
    const std::string_view from = before ? skip_blanks(rest()) : rest();
    if (from.empty() || from[0] != sign) return false;
    next_ = text_.size() - from.size() + 1;
    if (after) next_ = text_.size() - skip_blanks(rest()).size();
    return true;
  }
  bool accept_opening() {
    if (!rest().starts_with("${")) return false;
    next_ = text_.size() - skip_blanks(rest().substr(2)).size();
    return true;
  }

  // A run of backslashes counts only before ${ and, in quotes, before a quote: each pair is one
  // backslash, an odd one makes what follows ordinary.
  std::string parse_backslashes(char quote) {
    std::size_t count = 0;
    while (peek() == '\\') ++next_, ++count;
    const bool opening = rest().starts_with("${");
    if (!opening && (quote == '\0' || peek() != quote)) return std::string(count, '\\');
    std::string result(count / 2, '\\');
    if (count % 2 == 1) {
      result += opening ? "${" : std::string(1, quote);
      next_ += opening ? 2 : 1;
    }
    return result;
  }

  // Up to the end of the text, or behind the closing quote.
  OverrideValue parse_text(char quote) {
    const Deeper guard(depth_);
    std::string text;
    std::vector<OverrideValue> values;
    bool literal = quote != '\0';  // what is in quotes is always a text
    while (!at_end() && (quote == '\0' || peek() != quote)) {
      if (accept_opening()) {
        values.push_back(parse_interpolation());
        if (!literal && values.size() == 1 && at_end()) return values[0];
        text += as_text(values.back());
      } else {
        literal = true;
        text += peek() == '\\' ? parse_backslashes(quote) : std::string(1, text_[next_++]);
      }
      if (text.size() > kMaxText) fail("the text grows too long");
    }
    if (quote != '\0' && !accept(quote, false, false)) malformed();
    return {.text = std::move(text)};
  }

  // Behind "${".
  OverrideValue parse_interpolation() {
    const Deeper guard(depth_);
    std::string key;
    while (accept('.', false, false)) key += '.';
    bool may_be_resolver = key.empty();
    if (accept('[', false, false)) {
      may_be_resolver = false;
      key += '[' + parse_key_name(may_be_resolver) + ']';
      if (!accept(']', false, false)) malformed();
    } else {
      key += parse_key_name(may_be_resolver);
    }
    while (true) {
      if (accept('.', false, false)) {
        key += '.' + parse_key_name(may_be_resolver);
      } else if (accept('[', false, false)) {
        may_be_resolver = false;
        key += '[' + parse_key_name(may_be_resolver) + ']';
        if (!accept(']', false, false)) malformed();
      } else {
        break;
      }
    }
    if (accept('}', true, false)) return look_up(key, std::nullopt);
    if (!may_be_resolver || !accept(':', true, true)) malformed();
    const std::vector<OverrideValue> arguments = parse_sequence('}');
    return call(key, arguments);
  }

  // An interpolation, a name, or any characters that have no meaning here.
  std::string parse_key_name(bool& may_be_resolver) {
    if (accept_opening()) {
      const OverrideValue value = parse_interpolation();
      if (value.kind != Kind::kText) fail("a part of a key must be text, not " + shown(value));
      return value.text;
    }
    const std::size_t end = std::min(rest().find_first_of("\\${}()[]:. \t'\""), rest().size());
    if (end == 0) malformed();
    const std::string name(rest().substr(0, end));
    next_ += end;
    if (!is_id(name)) may_be_resolver = false;
    return name;
  }

  // Elements up to `closer`; one that is missing is an empty text.
  std::vector<OverrideValue> parse_sequence(char closer) {
    std::vector<OverrideValue> values;
    if (accept(closer, true, false)) return values;
    while (true) {
      const std::string_view next = skip_blanks(rest());
      const bool missing = !next.empty() && (next[0] == ',' || next[0] == closer);
      values.push_back(missing ? OverrideValue{} : parse_element());
      if (accept(closer, true, false)) return values;
      if (!accept(',', true, true)) malformed();
    }
  }

  OverrideValue parse_element() {
    const Deeper guard(depth_);
    if (peek() == '\'' || peek() == '"') return parse_text(text_[next_++]);
    if (accept('[', false, true)) return {.kind = Kind::kList, .items = parse_sequence(']')};
    if (accept('{', false, true)) return parse_dict();
    return parse_primitive(true);
  }

  OverrideValue parse_dict() {
    OverrideValue dict{.kind = Kind::kDict};
    if (accept('}', true, false)) return dict;
    do {
      const OverrideValue key = parse_primitive(false);
      if (key.kind == Kind::kNull || !accept(':', true, true)) malformed();
      OverrideValue value = parse_element();
      if (OverrideValue* known = find_entry(dict, key.text))
        *known = std::move(value);
      else
        dict.entries.emplace_back(key.text, std::move(value));
    } while (accept(',', true, true));
    if (!accept('}', true, false)) malformed();
    return dict;
  }

  struct Part {
    OverrideValue value;
    std::optional<std::string> written;  // not of an interpolation
  };

  // Atoms and (in a value) colons and interpolations side by side; one alone has its type.
  OverrideValue parse_primitive(bool is_value) {
    std::vector<Part> parts;
    while (!at_end()) {
      const std::size_t begin = next_;
      const std::string_view next = skip_blanks(rest());
      if (!next.empty() && std::string_view(",]}").find(next[0]) != std::string_view::npos) break;
      if (is_value && accept_opening()) {
        parts.push_back({parse_interpolation(), std::nullopt});
      } else if (is_value && accept(':', true, true)) {
        const std::string written(text_.substr(begin, next_ - begin));
        parts.push_back({{.text = written}, written});
      } else {
        const Token token = longest_atom(rest());
        if (token.kind == TokenKind::kError || (!next.empty() && next[0] == ':')) break;
        next_ += token.text.size();
        parts.push_back({atom_value(token), atom_text(token)});
      }
    }
    if (parts.empty()) malformed();
    if (parts.size() == 1) return parts[0].value;
    OverrideValue joined;
    for (const Part& part : parts)
      joined.text += part.written ? *part.written : as_text(part.value);
    if (joined.text.size() > kMaxText) fail("the text grows too long");
    return joined;
  }

  // The path of a key: dots in front count from the node that holds the text.
  NodePath path_of(const std::string& key) const {
    const std::size_t dots = std::min(key.find_first_not_of('.'), key.size());
    if (dots == 0) return split_select_key(key);
    if (dots > parent_.size() + 1) fail("${" + key + "} goes above the root of the tree");
    NodePath path(parent_.begin(), parent_.end() - static_cast<std::ptrdiff_t>(dots - 1));
    for (std::string& name : split_select_key(key.substr(dots))) path.push_back(std::move(name));
    return path;
  }

  OverrideValue look_up(const std::string& key, const std::optional<OverrideValue>& otherwise) {
    if (source_ == nullptr) return {};
    std::optional<OverrideValue> value = source_->find(path_of(key));
    if (!value) value = otherwise;
    if (!value) fail("there is no key " + shown_text(key));
    return *value;
  }

  OverrideValue call(const std::string& name, const std::vector<OverrideValue>& arguments) {
    if (source_ == nullptr) return {};
    const bool optional_second = name == "oc.env" || name == "oc.select";
    if (!optional_second && name != "oc.decode" && name != "oc.create")
      fail("balr knows no resolver " + shown_text(name) +
           ", only oc.env, oc.select, oc.decode and oc.create");
    if (arguments.empty() || arguments.size() > (optional_second ? 2 : 1))
      fail(name + " has the wrong number of arguments");
    if (name == "oc.create") return arguments[0];
    if (name == "oc.decode") return decode(arguments[0]);
    if (arguments[0].kind != Kind::kText) fail(name + " needs a name, not " + shown(arguments[0]));
    if (name == "oc.select") {
      const OverrideValue null{.kind = Kind::kNull, .text = "None"};
      return look_up(arguments[0].text, arguments.size() == 2 ? arguments[1] : null);
    }
    if (const char* value = std::getenv(arguments[0].text.c_str())) return {.text = value};
    if (arguments.size() == 1)
      fail("the environment variable " + shown_text(arguments[0].text) + " is not set");
    if (arguments[1].kind == Kind::kNull) return arguments[1];
    return {.text = as_text(arguments[1])};
  }

  OverrideValue decode(const OverrideValue& value) {
    if (value.kind == Kind::kNull) return value;
    if (value.kind != Kind::kText) fail("oc.decode needs a text, not " + shown(value));
    const Deeper guard(depth_);
    return Evaluator(value.text, parent_, source_, depth_).whole_element();
  }

  std::string_view text_;
  const NodePath& parent_;
  InterpolationSource* source_;
  int depth_;
  std::size_t next_ = 0;
};

}  // namespace

void check_interpolation(const std::string& text) {
  static const NodePath kRoot;
  Evaluator(text, kRoot, nullptr, 0).whole_text();
}

OverrideValue resolve_interpolation(const std::string& text, const NodePath& parent,
                                    InterpolationSource& source) {
  return Evaluator(text, parent, &source, 0).whole_text();
}

std::string escape_interpolation(const std::string& literal) {
  std::string result;
  std::size_t backslashes = 0;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (literal.compare(i, 2, "${") == 0) result.append(backslashes + 1, '\\');
    backslashes = literal[i] == '\\' ? backslashes + 1 : 0;
    result += literal[i];
  }
  return result;
}
}  // namespace balr
