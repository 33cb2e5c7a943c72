#include "score/trial_layout.hpp"

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/evaluation/score_columns.hpp"

namespace balr {
namespace {

using Lines = std::vector<std::vector<std::string>>;
using IsKnown = std::function<bool(std::string_view)>;

std::string separator_text(const TrialSeparator& separator) {
  if (separator.blanks) return "blanks";
  return separator.character == '\t' ? "tabs" : std::string("'") + separator.character + "'";
}

// The cells of the sample; nothing where they are no table by this separator.
std::optional<Lines> split_sample(const LineBlock& sample, const TrialSeparator& separator) {
  Lines lines;
  TrialCells cells;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    try {
      cells.split(sample.line(i), separator);
    } catch (const DataError&) {
      break;  // the error is told when that line is reached
    }
    if (cells.size() < 2 || (!lines.empty() && cells.size() != lines.front().size())) break;
    lines.emplace_back(cells.cells().begin(), cells.cells().end());
  }
  // One such line of many is a chance: `a, b` among lines of blanks.
  if (lines.empty() || (lines.size() == 1 && sample.size() > 1)) return std::nullopt;
  return lines;
}

std::int64_t known_ids(const std::string& cell, const IsKnown& is_known) {
  if (is_known(cell)) return 1;  // an id with a comma in it too
  std::int64_t known = 0;
  for_each_id(cell, [&](std::string_view id) { known += is_known(id); });
  return known;
}

class Finder {
 public:
  Finder(Lines lines, TrialSeparator separator, const LayoutRequest& request,
         const IsKnown& is_known)
      : lines_(std::move(lines)), request_(request), is_known_(is_known) {
    layout_.separator = separator;
    layout_.columns = lines_.front().size();
  }

  // Sets the columns; returns how many ids of the sample they make known.
  std::int64_t find_columns() {
    named_ = request_.header.value_or(true) && find_names();
    if (!named_) find_places();
    std::int64_t known = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) known += known_in(i);
    return known;
  }

  // Whether the first line is a header; nothing if nobody can tell.
  std::optional<bool> find_header() const {
    if (named_) return true;
    if (request_.header) return *request_.header;
    if (known_in(0) > 0) return false;
    if (layout_.label) return !label_of(lines_[0][*layout_.label]).has_value();
    for (std::size_t i = 1; i < lines_.size(); ++i)
      if (known_in(i) > 0) return true;
    return std::nullopt;
  }

  TrialLayout finish(bool header) {
    layout_.header = header;
    for (std::size_t i = 0; i < layout_.columns; ++i)
      layout_.names.push_back(header ? lines_[0][i] : "column" + std::to_string(i + 1));
    layout_.names[layout_.enrollment] = score_columns::kEnrollment;
    layout_.names[layout_.test] = score_columns::kTest;
    if (layout_.label) layout_.names[*layout_.label] = score_columns::kLabel;
    describe();
    return std::move(layout_);
  }

  std::int64_t lines() const { return static_cast<std::int64_t>(lines_.size()); }
  const std::string& first_id() const { return lines_.back()[layout_.enrollment]; }

 private:
  std::int64_t known_in(std::size_t line) const {
    return known_ids(lines_[line][layout_.enrollment], is_known_) +
           known_ids(lines_[line][layout_.test], is_known_);
  }

  bool find_names() {
    std::optional<std::size_t> enrollment, test, label;
    for (std::size_t i = 0; i < layout_.columns; ++i) {
      const std::string name = lower_case(lines_[0][i]);
      if (name == "enrollment" || name == "enrolment")
        enrollment = i;
      else if (name == "test")
        test = i;
      else if (name == "label" || name == "target" || name == "key")
        label = i;
    }
    if (!enrollment || !test) return false;
    layout_.enrollment = *enrollment;
    layout_.test = *test;
    layout_.label = label;
    return true;
  }

  // Every line has a label there; the first need not where it may be a header: no id is known in
  // these columns of it.
  bool has_labels(std::size_t column, std::size_t enrollment, std::size_t test) const {
    const bool maybe_header = lines_.size() > 1 &&
                              known_ids(lines_[0][enrollment], is_known_) == 0 &&
                              known_ids(lines_[0][test], is_known_) == 0;
    for (std::size_t i = maybe_header ? 1 : 0; i < lines_.size(); ++i)
      if (!label_of(lines_[i][column])) return false;
    return true;
  }

  void find_places() {
    struct Places {
      std::size_t enrollment, test;
      std::optional<std::size_t> label;
    };
    std::vector<Places> choices;
    if (layout_.columns > 2 && has_labels(0, 1, 2)) choices.push_back({1, 2, 0});
    if (layout_.columns > 2 && has_labels(2, 0, 1)) choices.push_back({0, 1, 2});
    choices.push_back({0, 1, std::nullopt});
    std::int64_t best = -1;
    for (const Places& choice : choices) {
      std::int64_t known = 0;
      for (const auto& line : lines_)
        known +=
            known_ids(line[choice.enrollment], is_known_) + known_ids(line[choice.test], is_known_);
      if (known <= best) continue;
      best = known;
      layout_.enrollment = choice.enrollment;
      layout_.test = choice.test;
      layout_.label = choice.label;
    }
  }

  void describe() {
    const auto column = [](std::size_t at) { return std::to_string(at + 1); };
    layout_.description = layout_.header ? "a header line" : "no header line";
    layout_.description += ", columns divided by " + separator_text(layout_.separator) +
                           ", enrollment in column " + column(layout_.enrollment) +
                           ", test in column " + column(layout_.test) +
                           (layout_.label ? ", labels in column " + column(*layout_.label)
                                          : std::string(", no labels"));
    if (layout_.header && !named_) {
      std::string text;
      for (const std::string& cell : lines_[0]) text += (text.empty() ? "" : ", ") + cell;
      layout_.description += "; the first line (" + text.substr(0, 200) +
                             ") counts as the header, for none of its ids is known "
                             "(--no-header if it is a trial)";
    }
  }

  Lines lines_;
  const LayoutRequest& request_;
  const IsKnown& is_known_;
  TrialLayout layout_;
  bool named_ = false;
};

}  // namespace

TrialLayout find_layout(const LineBlock& sample, const LayoutRequest& request,
                        const IsKnown& is_known, const std::string& file) {
  if (sample.size() == 0) throw DataError(file + " is empty; give a table of trials");
  std::vector<TrialSeparator> separators = {{'\t'}, {' ', true}, {','}, {';'}};
  if (request.separator) separators = {{*request.separator, *request.separator == ' '}};
  std::optional<Finder> best;
  std::int64_t most = -1;
  for (const TrialSeparator& separator : separators) {
    auto lines = split_sample(sample, separator);
    if (!lines) continue;
    Finder finder(std::move(*lines), separator, request, is_known);
    const std::int64_t known = finder.find_columns();
    if (known <= most) continue;
    most = known;
    const bool convincing = known >= finder.lines();  // half of the cells
    best.emplace(std::move(finder));
    if (convincing) break;
  }
  if (!best)
    throw DataError(file + ", line " + std::to_string(sample.numbers[0]) +
                    ": not two columns; give the character between them with --sep");
  const std::optional<bool> header = best->find_header();
  if (!header)
    throw DataError(file + ": no id of its first lines is in the data set, e.g. '" +
                    best->first_id() +
                    "'; give the data set that the trials are about, or say "
                    "--header or --no-header");
  return best->finish(*header);
}

}  // namespace balr
