#include "score/trial_block.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numbers>

#include "balr/core/error.hpp"
#include "balr/evaluation/score_columns.hpp"
#include "score/bytes.hpp"

namespace balr {
namespace {

namespace columns = score_columns;

char output_separator(const TrialLayout& layout) {
  return layout.separator.blanks ? '\t' : layout.separator.character;
}

// Whether a column of TRIALS is written by us: it was a scores.csv already.
bool is_ours(const std::string& name) {
  for (const char* ours : {columns::kEnrollmentSpeaker, columns::kTestSpeaker, columns::kScores,
                           columns::kLog10Lr, columns::kStatus})
    if (name == ours) return true;
  return false;
}

void append_number(std::string& out, double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// Scores block after block with the same buffers.
class BlockScorer {
 public:
  BlockScorer(const TrialLayout& layout, const TestSet& set, const ScoreForm& form)
      : layout_(layout), set_(set), form_(form), separator_(output_separator(layout)) {}

  void score(std::string_view line, std::int64_t number, BlockResult& out) {
    cells_.split(line, layout_.separator);
    if (cells_.size() < layout_.columns)
      throw DataError("has " + std::to_string(cells_.size()) + " columns, not " +
                      std::to_string(layout_.columns) + "; give every trial the same columns");
    find_side(cells_[layout_.enrollment], set_, "enrollment", enrollment_);
    find_side(cells_[layout_.test], set_, "test", test_);
    const FoundSide& wrong = enrollment_.cause != TrialCause::kNone ? enrollment_ : test_;
    const std::optional<int> label = find_label();
    ++out.trials;
    ++out.causes[static_cast<std::size_t>(wrong.cause)];
    std::optional<double> score;
    if (wrong.cause == TrialCause::kNone) {
      score = compare();
      if (label)
        out.values.push_back({*score, enrollment_.speaker_number, test_.speaker_number,
                              static_cast<std::uint32_t>(*label), 0});
      else
        ++out.unlabelled;
      out.with_itself += shares_recording();
    } else if (out.first_line == 0) {
      out.first_line = number;
      out.first_status = wrong.status;
    }
    write(label, score, wrong.status, out.text);
  }

 private:
  double compare() const {
    const Comparer& comparer = set_.comparer();
    if (comparer.single_recording_only() && enrollment_.rows.size() + test_.rows.size() != 2)
      throw DataError(
          "has several recordings on a side, and this scorer compares one with one; "
          "give scorer=beta or scorer=maxllr, or other trials");
    const double score = comparer.score(enrollment_.rows, test_.rows);
    BALR_CHECK(score - score == 0);  // finite
    return score;
  }

  bool shares_recording() const {
    for (const std::int64_t row : enrollment_.rows)
      if (std::ranges::find(test_.rows, row) != test_.rows.end()) return true;
    return false;
  }

  std::optional<int> find_label() const {
    std::optional<int> said;
    if (layout_.label) {
      const std::string_view cell = cells_[*layout_.label];
      said = label_of(cell);
      if (!said && !cell.empty())
        throw DataError("'" + std::string(cell.substr(0, 100)) +
                        "' is no label; give 1 or target, 0 or nontarget, or leave it empty");
    }
    if (enrollment_.cause != TrialCause::kNone || test_.cause != TrialCause::kNone ||
        enrollment_.speaker.empty() || test_.speaker.empty())
      return said;
    const int truth = enrollment_.speaker_number == test_.speaker_number ? 1 : 0;
    if (said && *said != truth)
      throw DataError("the label says " + std::string(*said == 1 ? "one speaker" : "two speakers") +
                      ", but the recordings are of '" + enrollment_.speaker + "' and '" +
                      test_.speaker + "'; correct the label, the speakers or the columns");
    return truth;
  }

  void write(const std::optional<int>& label, const std::optional<double>& score,
             const std::string& status, std::string& out) {
    for (std::size_t i = 0; i < layout_.columns; ++i) {
      if (!form_.decimals && is_ours(layout_.names[i])) continue;
      if (i == layout_.label && !form_.decimals) {
        if (label) out += static_cast<char>('0' + *label);
      } else {
        append_cell(out, cells_[i]);
      }
      out += separator_;
    }
    if (form_.decimals) {
      if (score) {
        char digits[400];
        std::snprintf(digits, sizeof digits, "%.*f", *form_.decimals, *score);
        out += digits;
      }
      out += '\n';
      return;
    }
    if (set_.has_speakers()) {
      append_cell(out, enrollment_.speaker);
      out += separator_;
      append_cell(out, test_.speaker);
      out += separator_;
    }
    if (!layout_.label) {
      if (label) out += static_cast<char>('0' + *label);
      out += separator_;
    }
    if (score) append_number(out, *score);
    out += separator_;
    if (set_.comparer().is_log_lr()) {
      if (score) append_number(out, *score * std::numbers::log10e);
      out += separator_;
    }
    append_cell(out, status.empty() ? "ok" : std::string_view(status));
    out += '\n';
  }

  void append_cell(std::string& out, std::string_view cell) const {
    const char special[] = {separator_, '"', '\r', '\n'};
    if (cell.find_first_of(std::string_view(special, sizeof special)) == std::string_view::npos)
      out += cell;
    else
      out += quoted_cell(cell, separator_);
  }

  const TrialLayout& layout_;
  const TestSet& set_;
  const ScoreForm& form_;
  char separator_;
  TrialCells cells_;
  FoundSide enrollment_, test_;
};

}  // namespace

std::string scores_header(const TrialLayout& layout, const TestSet& set, const ScoreForm& form) {
  const char separator = output_separator(layout);
  std::vector<std::string> names;
  for (const std::string& name : layout.names)
    if (form.decimals || !is_ours(name)) names.push_back(name);
  if (!form.decimals) {
    if (set.has_speakers()) {
      names.emplace_back(columns::kEnrollmentSpeaker);
      names.emplace_back(columns::kTestSpeaker);
    }
    if (!layout.label) names.emplace_back(columns::kLabel);
  }
  names.emplace_back(columns::kScores);
  if (!form.decimals) {
    if (set.comparer().is_log_lr()) names.emplace_back(columns::kLog10Lr);
    names.emplace_back(columns::kStatus);
  }
  std::string line;
  for (const std::string& name : names)
    line += (line.empty() ? "" : std::string(1, separator)) + quoted_cell(name, separator);
  return line + "\n";
}

BlockResult score_block(const LineBlock& lines, const TrialLayout& layout, const TestSet& set,
                        const ScoreForm& form, const std::string& file) {
  BlockResult result;
  BlockScorer scorer(layout, set, form);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    try {
      scorer.score(lines.line(i), lines.numbers[i], result);
    } catch (const DataError& e) {
      throw DataError(file + ", line " + std::to_string(lines.numbers[i]) + ": " + e.what());
    }
  }
  return result;
}

std::string to_bytes(const BlockResult& result) {
  ByteWriter out;
  out.text(result.text);
  out.numbers(result.values);
  out.number(result.trials);
  out.number(result.unlabelled);
  out.number(result.with_itself);
  out.number(result.causes);
  out.text(result.first_status);
  out.number(result.first_line);
  return out.take();
}

BlockResult block_from_bytes(std::string_view bytes) {
  ByteReader in(bytes);
  BlockResult result;
  result.text = in.text();
  result.values = in.numbers<TrialValue>();
  result.trials = in.number<std::int64_t>();
  result.unlabelled = in.number<std::int64_t>();
  result.with_itself = in.number<std::int64_t>();
  result.causes = in.number<decltype(result.causes)>();
  result.first_status = in.text();
  result.first_line = in.number<std::int64_t>();
  return result;
}

}  // namespace balr
