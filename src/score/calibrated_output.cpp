#include "score/calibrated_output.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/evaluation/bootstrap.hpp"
#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "balr/evaluation/score_columns.hpp"

namespace balr {
namespace {

namespace columns = score_columns;
using Json = nlohmann::ordered_json;

void append(std::string& out, double value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// Lines of the new file: kept columns, ours, the status.
class LineMaker {
 public:
  LineMaker(const ScoreHeader& header, const std::vector<CalibratedValue>& values)
      : values_(values), separator_(header.separator.character), status_(header.status) {
    for (std::size_t i = 0; i < header.names.size(); ++i) {
      const std::string name = lower_case(header.names[i]);
      bool ours = i == header.status;
      for (const char* added : {columns::kLog10Lr, columns::kRawLogLr, columns::kLogLr,
                                columns::kRawLog10Lr, columns::kCut})
        ours = ours || name == added;
      if (!ours) kept_.push_back(i);
    }
  }

  std::string header(const ScoreHeader& header) const {
    std::string line;
    for (const std::size_t i : kept_) line += quoted_cell(header.names[i], separator_) + separator_;
    for (const char* added :
         {columns::kRawLogLr, columns::kLogLr, columns::kRawLog10Lr, columns::kLog10Lr})
      line += std::string(added) + separator_;
    line += columns::kCut;
    if (status_) line += separator_ + header.names[*status_];
    return line + "\n";
  }

  void line(const TrialCells& cells, std::size_t trial, std::string& out) const {
    for (const std::size_t i : kept_) out += quoted_cell(cells[i], separator_) + separator_;
    const CalibratedValue& value = values_[trial];
    for (const double unit : {1.0, 1 / std::numbers::ln10})
      for (const double number : {value.raw, value.bounded}) {
        if (!std::isnan(number)) append(out, number * unit);
        out += separator_;
      }
    if (value.bounded > value.raw) out += "lower";
    if (value.bounded < value.raw) out += "upper";
    if (status_) out += separator_ + quoted_cell(cells[*status_], separator_);
    out += '\n';
  }

 private:
  const std::vector<CalibratedValue>& values_;
  char separator_;
  std::optional<std::size_t> status_;
  std::vector<std::size_t> kept_;
};

// JSON has no infinities: as figures_json().
Json number_json(double value) {
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

double prior_log_odds(int step) { return (-3 + 0.5 * step) * std::numbers::ln10; }

Json ece_json(const SortedScores& reported) {
  const auto blocks = pool_adjacent_violators(reported);
  Json odds, system, best;
  for (int step = 0; step <= 12; ++step) {
    odds.push_back(-3 + 0.5 * step);
    system.push_back(number_json(empirical_cross_entropy(reported, prior_log_odds(step))));
    best.push_back(number_json(min_empirical_cross_entropy(blocks, prior_log_odds(step))));
  }
  return {{"log10_prior_odds", odds}, {"ECE", system}, {"ECE_min", best}};
}

Json intervals_json(const CalibratedMetrics& m) {
  if (m.bootstrap == 0 || !m.trials.labelled_speakers_known) return nullptr;
  std::vector<SpeakerTrial> trials;
  for (std::size_t i = 0; i < m.trials.trials.size(); ++i) {
    const ScoredTrial& trial = m.trials.trials[i];
    if (trial.has_score() && trial.label >= 0)
      trials.push_back({m.values[i].bounded, trial.enrollment_speaker, trial.test_speaker});
  }
  BootstrapOptions options;
  options.replicates = m.bootstrap;
  options.threads = m.threads;
  try {
    const BootstrapResult result = bootstrap_intervals(std::move(trials), options);
    Json json = {{"level", options.level},
                 {"over", "speakers"},
                 {"speakers", result.speakers},
                 {"replicates", result.replicates}};
    for (const ConfidenceInterval& interval : result.intervals)
      json[interval.name] = {number_json(interval.low), number_json(interval.high)};
    return json;
  } catch (const DataError& error) {
    spdlog::warn("no confidence intervals: {}", error.what());
    return nullptr;
  }
}

Json figures(const CalibratedMetrics& m) {
  const SortedScores reported(
      labelled_scores(m.trials, [&](std::size_t i) { return m.values[i].bounded; }));
  const SortedScores raw(labelled_scores(m.trials, [&](std::size_t i) { return m.values[i].raw; }));
  Json json = Json::parse(figures_json(reference_metrics(reported)));
  json["CLLR_min"] = number_json(min_cllr(reported));
  json["minDCF_0.01"] = min_detection_cost(reported, {.target_prior = 0.01}).cost;
  json["minDCF_0.001"] = min_detection_cost(reported, {.target_prior = 0.001}).cost;
  json["CLLR_before_bounds"] = number_json(cllr(raw));
  json["CLLR_before_calibration"] =
      m.trials.is_log_lr ? number_json(cllr(SortedScores(labelled_scores(m.trials)))) : Json();
  json["confidence_intervals"] = intervals_json(m);
  json["empirical_cross_entropy"] = ece_json(reported);
  return json;
}

}  // namespace

CutCounts count_cuts(const std::vector<CalibratedValue>& values) {
  CutCounts counts;
  for (const CalibratedValue& value : values) {
    counts.below += value.bounded > value.raw;
    counts.above += value.bounded < value.raw;
  }
  return counts;
}

void write_calibrated_scores(const std::filesystem::path& file, const ScoredTrials& trials,
                             const std::vector<CalibratedValue>& values) {
  const auto temporary = temporary_name(file);
  std::ofstream out(temporary, std::ios::binary);
  std::optional<LineMaker> maker;
  std::size_t next = 0;
  std::string text;
  for_each_line(
      trials.file,
      [&](const ScoreHeader& header) {
        maker.emplace(header, values);
        out << maker->header(header);
      },
      [&](const TrialCells& cells, std::int64_t) {
        if (next == values.size())
          throw DataError("the file has changed since it was read; call the command again");
        text.clear();
        maker->line(cells, next++, text);
        out << text;
      });
  out.close();
  if (!out) throw IoError("cannot write " + temporary.string() + "; check the space on the disk");
  publish(temporary, file);
}

std::string calibrated_metrics_json(const CalibratedMetrics& m) {
  Json json = figures(m);
  const CutCounts cuts = count_cuts(m.values);
  std::int64_t targets = 0, others = 0;
  for (const ScoredTrial& trial : m.trials.trials)
    if (trial.has_score() && trial.label >= 0) ++(trial.label == 1 ? targets : others);
  json["scores_are"] = "natural log LR, calibrated and inside the bounds";
  json["trials"] = m.trials.trials.size();
  json["used"] = targets + others;
  json["targets"] = targets;
  json["non_targets"] = others;
  json["unlabelled"] = m.trials.unlabelled;
  json["left_out"] = m.trials.without_score;
  json["speakers_of_the_test"] =
      m.trials.labelled_speakers_known ? Json(m.trials.speakers.size()) : Json();
  json["recordings_of_the_test"] = m.trials.recordings.size();
  json["bounds"] = m.calibration.elub ? "elub" : "none";
  json["cut_below"] = cuts.below;
  json["cut_above"] = cuts.above;
  json["cross_validated"] = m.cross_validated;
  json["scores_sha256"] = m.trials.sha256;
  json["calibration_sha256"] = m.calibration.sha256;
  json["scorer"] = m.trials.scorer;
  json["scorer_sha256"] = m.trials.scorer_sha256;
  json["population"] = m.population;
  json["propositions"] = m.propositions;
  json["program_version"] = m.program_version;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace balr
