#include "balr/score/explain_trial.hpp"

#include <algorithm>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "score/open_test_set.hpp"
#include "score/trial.hpp"
#include "score/trial_layout.hpp"

namespace balr {
namespace {

constexpr std::size_t kSampleLines = 100;

// The line of the wanted trial.
LineBlock find_trial(const ExplainOptions& options, const TrialLayout& layout) {
  LineReader reader(options.trials);
  if (layout.header) reader.skip(1);
  const auto row = static_cast<std::size_t>(options.row.value_or(1));
  reader.skip(row - 1);
  LineBlock line = reader.next(1);
  if (line.size() == 0)
    throw DataError(options.trials.string() + " has no trial " + std::to_string(row) +
                    "; count from 1, without the header");
  if (!options.row && reader.skip(1) == 1)
    throw DataError(options.trials.string() +
                    " has several trials; say which one with --row N, from 1");
  return line;
}

Explanation explain(const ExplainOptions& options, const OpenedTestSet& opened) {
  const TestSet& set = *opened.set;
  const std::string file = options.trials.string();
  const TrialLayout layout = find_layout(
      LineReader(options.trials).next(kSampleLines), {options.separator, options.header},
      [&](std::string_view id) { return set.knows(id); }, file);
  const LineBlock line = find_trial(options, layout);
  const std::string place = file + ", line " + std::to_string(line.numbers[0]);
  TrialCells cells;
  cells.split(line.line(0), layout.separator);
  if (cells.size() < layout.columns)
    throw DataError(place + ": fewer columns than the lines before; give all of them");
  FoundSide enrollment, test;
  find_side(cells[layout.enrollment], set, "enrollment", enrollment);
  find_side(cells[layout.test], set, "test", test);
  for (const FoundSide* side : {&enrollment, &test})
    if (side->cause != TrialCause::kNone)
      throw DataError(place + ": " + side->status + "; such a trial has no score");
  if (set.comparer().single_recording_only() && enrollment.rows.size() + test.rows.size() != 2)
    throw DataError(place + ": several recordings on a side, and scorer=" + opened.scorer_name +
                    " compares one with one; give another scorer");
  Explanation out;
  out.enrollment = cells[layout.enrollment];
  out.test = cells[layout.test];
  out.enrollment_speaker = enrollment.speaker;
  out.test_speaker = test.speaker;
  out.enrollment_recordings = static_cast<std::int64_t>(enrollment.rows.size());
  out.test_recordings = static_cast<std::int64_t>(test.rows.size());
  out.scorer = opened.scorer_name;
  out.is_log_lr = set.comparer().is_log_lr();
  out.score = set.comparer().score(enrollment.rows, test.rows);
  out.contributions = set.comparer().contributions(enrollment.rows, test.rows);
  std::ranges::stable_sort(out.contributions, [](const auto& a, const auto& b) {
    return std::abs(a.value) > std::abs(b.value);
  });
  return out;
}

}  // namespace

Explanation explain_trial(const ExplainOptions& options, World& world) {
  all_agree(world, "checking the scorer", [&] {
    if (options.scorer.embeddings)
      throw ConfigError(
          "the cosine of embeddings has no attributes to explain; give a scorer of binary "
          "attributes");
  });
  const OpenedTestSet opened = open_test_set(options.data, options.scorer, world);
  Explanation out;
  all_agree(world, "explaining the trial", [&] { out = explain(options, opened); });
  return out;
}

}  // namespace balr
