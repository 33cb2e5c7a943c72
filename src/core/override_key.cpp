#include "core/override_key.hpp"

#include <algorithm>

#include "core/override_lexer.hpp"

namespace balr {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '$';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) && name[0] != '-' &&
         std::ranges::all_of(name, is_word);
}

bool is_index(std::string_view name) {
  const Token token = longest_atom(name);
  return !name.empty() && is_digit(name[0]) && token.kind == TokenKind::kInt &&
         token.text.size() == name.size();
}

}  // namespace

bool is_override_key(std::string_view key) {
  if (key.starts_with("hydra/")) return is_name(key.substr(6));
  const std::vector<std::string> path = split_dotted(key);
  return std::ranges::all_of(path, [&](const std::string& name) {
    return is_name(name) || (path.size() > 1 && is_index(name));
  });
}

std::vector<std::string> split_dotted(std::string_view key) {
  std::vector<std::string> path(1);
  for (const char c : key) {
    if (c == '.')
      path.emplace_back();
    else
      path.back() += c;
  }
  return path;
}

std::vector<std::string> split_select_key(std::string_view key) {
  const std::size_t head = std::min(key.find('['), key.size());
  std::vector<std::string> path = split_dotted(key.substr(0, head));
  if (head < key.size() && path.back().empty()) path.pop_back();
  for (std::size_t i = head; i < key.size();) {
    const bool bracket = key[i] == '[';
    const std::size_t begin = i + 1;
    const std::size_t end = std::min(key.find_first_of(bracket ? "]" : ".[", begin), key.size());
    path.emplace_back(key.substr(begin, end - begin));
    i = bracket ? std::min(end + 1, key.size()) : end;
  }
  return path;
}

std::string join_dotted(const std::vector<std::string>& path) {
  std::string key;
  for (const std::string& name : path) key += (key.empty() ? "" : ".") + name;
  return key;
}

}  // namespace balr
