#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "score/trial_line.hpp"
#include "score/trial_lines.hpp"

namespace balr {

// What the user said about a table of trials; the rest is found out.
struct LayoutRequest {
  std::optional<char> separator;
  std::optional<bool> header;
};

// Where things are in a table of trials.
struct TrialLayout {
  TrialSeparator separator;
  bool header = false;      // the first line names the columns
  std::size_t columns = 2;  // at least; of every line
  std::size_t enrollment = 0, test = 1;
  std::optional<std::size_t> label;  // 1 or target, 0 or nontarget
  std::vector<std::string> names;    // of the columns, ours where there is no header
  std::string description;           // for the log
};

// Finds out how the table is written from its first lines. `is_known` tells whether an id is in the
// data set. In this order:
//   - a first line with cells `enrollment` and `test` (any case, any order) is the header; a column
//     `label`, `target` or `key` holds labels;
//   - else, with three columns or more, labels are before the ids (`1 a b`, VoxCeleb) or behind
//     them (`a b target`, Kaldi), where every line has a label there; ids are in the first two
//     columns otherwise;
//   - the first line is a trial if it has a known id, or a label in the place of labels; a header
//     if it has none and later lines have.
// Of tab, blanks, comma and semicolon the separator is the first by which half of the ids are
// known, else the one by which most are.
// Throws DataError: fewer than two columns, no known id in all these lines and nothing else that
// says what the first one is.
TrialLayout find_layout(const LineBlock& sample, const LayoutRequest& request,
                        const std::function<bool(std::string_view)>& is_known,
                        const std::string& file);

// Calls use(id) for each of the ids of a cell, which commas join.
template <class Use>
void for_each_id(std::string_view cell, Use use) {
  for (std::size_t at = 0; at <= cell.size();) {
    const std::size_t end = std::min(cell.find(',', at), cell.size());
    use(cell.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace balr
