#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// What is between the cells of a line.
struct TrialSeparator {
  char character = '\t';
  bool blanks = false;  // runs of blanks and tabs instead; no quotes then, as in Kaldi's lists
};

// Cells of a line, which must outlive them. Quotes as in RFC 4180, but a cell ends with its line.
class TrialCells {
 public:
  // Throws DataError without file and line: quotes that do not close or stand in a cell, a NUL
  // byte.
  void split(std::string_view line, const TrialSeparator& separator);
  const std::vector<std::string_view>& cells() const { return cells_; }
  std::string_view operator[](std::size_t at) const { return cells_[at]; }
  std::size_t size() const { return cells_.size(); }

 private:
  void split_quoted(std::string_view line, char separator);

  std::vector<std::string_view> cells_;
  std::deque<std::string> unquoted_;
};

// The cell as it must be written for that separator.
std::string quoted_cell(std::string_view cell, char separator);

// 1: same speaker, 0: different ones: 1, target; 0, nontarget, non-target, imp, impostor, imposter,
// in any case.
std::optional<int> label_of(std::string_view cell);

std::string lower_case(std::string_view text);

}  // namespace balr
