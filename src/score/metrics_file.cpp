#include "score/metrics_file.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "balr/evaluation/bootstrap.hpp"
#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"

namespace balr {
namespace {

using Json = nlohmann::ordered_json;

// Intervals need to know who speaks in each trial.
Json confidence_intervals(const TrialTotals& totals, const MetricsContext& context) {
  std::vector<SpeakerTrial> trials;
  for (const TrialValue& value : totals.values)
    trials.push_back({value.score, value.enrollment_speaker, value.test_speaker});
  BootstrapOptions options;
  options.replicates = context.bootstrap;
  options.threads = context.threads;
  const BootstrapResult result = bootstrap_intervals(std::move(trials), options);
  Json json = {{"level", options.level},
               {"over", "speakers"},
               {"speakers", result.speakers},
               {"replicates", result.replicates}};
  for (const ConfidenceInterval& interval : result.intervals)
    json[interval.name] = {interval.low, interval.high};
  return json;
}

Json figures(const TrialTotals& totals, const MetricsContext& context) {
  const SortedScores scores = sorted_scores(totals);
  Json json = Json::parse(figures_json(reference_metrics(scores)));
  const bool defined = scores.has_both_sides();
  const auto add = [&](const char* name, const auto& figure) {
    json[name] = defined ? Json(figure()) : Json();
  };
  add("CLLR_min", [&] { return min_cllr(scores); });
  for (const auto& [name, prior] :
       {std::pair("minDCF_0.01", 0.01), std::pair("minDCF_0.001", 0.001)})
    add(name, [&, p = prior] {
      return min_detection_cost(scores, {.target_prior = p, .miss_cost = 1, .false_alarm_cost = 1})
          .cost;
    });
  json["confidence_intervals"] = nullptr;
  if (!defined || !context.has_speakers || context.bootstrap == 0) return json;
  try {
    json["confidence_intervals"] = confidence_intervals(totals, context);
  } catch (const DataError& e) {
    spdlog::warn("no confidence intervals: {}", e.what());
  }
  return json;
}

}  // namespace

SortedScores sorted_scores(const TrialTotals& totals) {
  ScoreSet set;
  for (const TrialValue& value : totals.values)
    (value.label == 1 ? set.targets : set.non_targets).push_back(value.score);
  return SortedScores(std::move(set));
}

void TrialTotals::add(const BlockResult& block) {
  values.insert(values.end(), block.values.begin(), block.values.end());
  trials += block.trials;
  unlabelled += block.unlabelled;
  with_itself += block.with_itself;
  for (std::size_t i = 0; i < causes.size(); ++i) causes[i] += block.causes[i];
  if (first_line != 0 || block.first_line == 0) return;
  first_line = block.first_line;
  first_status = block.first_status;
}

std::string metrics_json(const TrialTotals& totals, const MetricsContext& context) {
  Json json = figures(totals, context);
  std::int64_t targets = 0;
  for (const TrialValue& value : totals.values) targets += value.label;
  const auto used = static_cast<std::int64_t>(totals.values.size());
  json["scores_are"] = context.is_log_lr ? "natural log LR" : "cosine";
  json["trials"] = totals.trials;
  json["used"] = used;
  json["targets"] = targets;
  json["non_targets"] = used - targets;
  json["unlabelled"] = totals.unlabelled;
  json["left_out"] = totals.left_out();
  for (std::size_t i = 1; i < kTrialCauses; ++i)
    json["left_out_" + cause_name(static_cast<TrialCause>(i))] = totals.causes[i];
  json["with_itself"] = totals.with_itself;
  json["speakers_of_the_test"] = context.has_speakers ? Json(context.speakers) : Json();
  json["scorer"] = context.scorer;
  json["scorer_sha256"] = context.scorer_hash;
  json["data_sha256"] = context.data_hash;
  json["trials_sha256"] = context.trials_hash;
  json["population"] = context.population;
  json["propositions"] = context.propositions;
  json["program_version"] = context.program_version;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace balr
