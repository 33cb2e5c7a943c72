#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numbers>

#include "balr/score/explain_trial.hpp"

namespace balr {
namespace {

std::string formatted(const char* format, auto... values) {
  char line[256];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

std::string side_text(const char* name, const std::string& ids, const std::string& speaker) {
  return formatted("%-11s", name) + ids + (speaker.empty() ? "" : " (speaker " + speaker + ")") +
         "\n";
}

// e.g. "on", or "2 of 3" recordings.
std::string state_text(std::int32_t active, std::int64_t recordings) {
  if (recordings == 1) return active == 1 ? "on" : "off";
  return std::to_string(active) + " of " + std::to_string(recordings);
}

}  // namespace

std::string explanation_text(const Explanation& e, std::int64_t top) {
  std::string out = side_text("enrollment", e.enrollment, e.enrollment_speaker) +
                    side_text("test", e.test, e.test_speaker);
  if (e.is_log_lr)
    out += formatted("log LR     %.6g (natural), %.6g (log10), scorer %s\n\n", e.score,
                     e.score * std::numbers::log10e, e.scorer.c_str());
  else
    out += formatted("score      %.6g, scorer %s\n\n", e.score, e.scorer.c_str());
  out += formatted("%9s  %10s  %10s  %12s  %12s\n", "attribute", "enrollment", "test",
                   e.is_log_lr ? "log LR" : "adds", "sum so far");
  double sum = 0, positive = 0, negative = 0;
  std::int64_t shown = 0;
  for (const AttributeContribution& c : e.contributions) {
    (c.value > 0 ? positive : negative) += c.value;
    if (shown == top) continue;
    ++shown;
    sum += c.value;
    out += formatted("%9lld  %10s  %10s  %+12.5f  %+12.5f\n", static_cast<long long>(c.attribute),
                     state_text(c.enrollment_active, e.enrollment_recordings).c_str(),
                     state_text(c.test_active, e.test_recordings).c_str(), c.value, sum);
  }
  const auto rest = static_cast<std::int64_t>(e.contributions.size()) - shown;
  if (rest > 0)
    out += formatted("%lld others add %+.5f\n", static_cast<long long>(rest), e.score - sum);
  out += formatted("\nall for one speaker %+.5f, all for two speakers %+.5f\n", positive, negative);
  return out;
}

std::string explanation_json(const Explanation& e) {
  using Json = nlohmann::ordered_json;
  const auto side = [](const std::string& ids, const std::string& speaker,
                       std::int64_t recordings) {
    return Json{{"ids", ids},
                {"speaker", speaker.empty() ? Json() : Json(speaker)},
                {"recordings", recordings}};
  };
  Json contributions = Json::array();
  for (const AttributeContribution& c : e.contributions)
    contributions.push_back({{"attribute", c.attribute},
                             {"enrollment_active", c.enrollment_active},
                             {"test_active", c.test_active},
                             {"adds", c.value}});
  Json json = {{"enrollment", side(e.enrollment, e.enrollment_speaker, e.enrollment_recordings)},
               {"test", side(e.test, e.test_speaker, e.test_recordings)},
               {"scorer", e.scorer},
               {"scores_are", e.is_log_lr ? "natural log LR" : "cosine"},
               {"score", e.score},
               {"log10_lr", e.is_log_lr ? Json(e.score * std::numbers::log10e) : Json()},
               {"contributions", std::move(contributions)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace balr
