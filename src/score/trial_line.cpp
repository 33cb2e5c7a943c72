#include "score/trial_line.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "balr/core/error.hpp"

namespace balr {
namespace {

bool contains(std::string_view text, char wanted) {
  return !text.empty() && std::memchr(text.data(), wanted, text.size()) != nullptr;
}

}  // namespace

void TrialCells::split(std::string_view line, const TrialSeparator& separator) {
  cells_.clear();
  if (contains(line, '\0')) throw DataError("a NUL byte; is this a text file?");
  if (separator.blanks) {
    constexpr std::string_view kBlanks = " \t";
    for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
      const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
      cells_.push_back(line.substr(at, end - at));
      at = line.find_first_not_of(kBlanks, end);
    }
    return;
  }
  if (contains(line, '"')) return split_quoted(line, separator.character);
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(line.find(separator.character, at), line.size());
    cells_.push_back(line.substr(at, end - at));
    if (end == line.size()) return;
    at = end + 1;
  }
}

void TrialCells::split_quoted(std::string_view line, char separator) {
  unquoted_.clear();
  std::size_t at = 0;
  while (true) {
    if (at < line.size() && line[at] == '"') {
      std::string& cell = unquoted_.emplace_back();
      for (++at;; ++at) {
        const std::size_t quote = line.find('"', at);
        if (quote == std::string_view::npos)
          throw DataError("a quoted cell is not closed; close it on its line");
        cell += line.substr(at, quote - at);
        at = quote + 1;
        if (at == line.size() || line[at] != '"') break;
        cell += '"';
      }
      if (at < line.size() && line[at] != separator)
        throw DataError("a quote in the middle of a cell; quote the whole cell");
      cells_.push_back(cell);
    } else {
      const std::size_t end = std::min(line.find(separator, at), line.size());
      cells_.push_back(line.substr(at, end - at));
      if (contains(cells_.back(), '"'))
        throw DataError("a quote in the middle of a cell; quote the whole cell");
      at = end;
    }
    if (at == line.size()) return;
    ++at;
  }
}

std::string quoted_cell(std::string_view cell, char separator) {
  const char special[] = {separator, '"', '\r', '\n'};
  if (cell.find_first_of(std::string_view(special, sizeof special)) == std::string_view::npos)
    return std::string(cell);
  std::string out = "\"";
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::optional<int> label_of(std::string_view cell) {
  if (cell == "1") return 1;
  if (cell == "0") return 0;
  if (cell.size() < 3 || cell.size() > 10) return std::nullopt;
  const std::string word = lower_case(cell);
  if (word == "target") return 1;
  for (const char* other : {"nontarget", "non-target", "imp", "impostor", "imposter"})
    if (word == other) return 0;
  return std::nullopt;
}

}  // namespace balr
