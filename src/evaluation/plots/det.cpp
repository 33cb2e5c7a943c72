#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "balr/evaluation/metrics.hpp"
#include "evaluation/plots/chart.hpp"

namespace balr {
namespace {

// The normal deviate of a probability in (0, 1). Bisection on erfc: exact enough for a picture, and
// rising whatever the C library does with its last bits.
double probit(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

constexpr double kPercent[] = {0.0001, 0.001, 0.01, 0.1, 0.2, 0.5, 1,  2,  5,
                               10,     20,    40,   60,  80,  90,  95, 98, 99};

double highest_percent(double equal_error) { return equal_error > 0.35 ? 99 : 60; }

// From a round rate at or below `least`, the lowest one that the curve reaches (in %), to 60 %, or
// all of it if the EER needs that.
Axis rate_axis(double least, double equal_error, const char* name) {
  double low = kPercent[0];
  for (const double percent : kPercent)
    if (percent <= least && percent <= 10) low = percent;
  const double high = highest_percent(equal_error);
  Axis axis{.low = probit(low / 100), .high = probit(high / 100)};
  axis.name = name;
  for (const double percent : kPercent)
    if (percent >= low && percent <= high && percent != 0.2)
      axis.ticks.push_back({probit(percent / 100), short_number(percent)});
  return axis;
}

// The lowest rates above 0, in %, where the other rate is in the frame.
std::pair<double, double> least_rates(const SortedScores& scores, double equal_error) {
  const auto targets = static_cast<double>(scores.targets().size());
  const auto others = static_cast<double>(scores.non_targets().size());
  const double high = highest_percent(equal_error);
  double least_fa = 100, least_miss = 100;
  for (const OperatingPoint& point : operating_points(scores)) {
    const double fa = 100 * static_cast<double>(point.false_alarms) / others;
    const double miss = 100 * static_cast<double>(point.misses) / targets;
    if (fa > 0 && miss > 0 && miss <= high) least_fa = std::min(least_fa, fa);
    if (fa > 0 && miss > 0 && fa <= high) least_miss = std::min(least_miss, miss);
  }
  return {least_fa, least_miss};
}

struct Rates {
  double false_alarm = 0, miss = 0;  // deviates
  bool few = false;                  // fewer than 30 errors behind one of them
};

// The corners of the curve that lie inside the axes, from low thresholds to high ones.
std::vector<Rates> corners(const SortedScores& scores, const Chart& chart) {
  constexpr std::int64_t kRuleOfThirty = 30;
  const auto targets = static_cast<double>(scores.targets().size());
  const auto others = static_cast<double>(scores.non_targets().size());
  std::vector<Rates> out;
  OperatingPoint done{.threshold = 0, .misses = -1, .false_alarms = -1};
  double deviate_fa = 0, deviate_miss = 0;
  for (const OperatingPoint& point : operating_points(scores)) {
    if (point.misses == 0 || point.false_alarms == 0) continue;
    if (point.false_alarms != done.false_alarms)
      deviate_fa = probit(static_cast<double>(point.false_alarms) / others);
    if (point.misses != done.misses)
      deviate_miss = probit(static_cast<double>(point.misses) / targets);
    done = point;
    if (deviate_fa > chart.x_axis().high || deviate_miss > chart.y_axis().high) continue;
    if (deviate_fa < chart.x_axis().low || deviate_miss < chart.y_axis().low) continue;
    out.push_back(
        {deviate_fa, deviate_miss, std::min(point.misses, point.false_alarms) < kRuleOfThirty});
  }
  return out;
}

void draw_curve(Chart& chart, const std::vector<Rates>& rates) {
  PathCommands thick, thin;
  const auto place = [&](const Rates& r) {
    return std::pair(chart.x(r.false_alarm), chart.y(r.miss));
  };
  for (std::size_t i = 1; i < rates.size(); ++i) {
    const auto [from_x, from_y] = place(rates[i - 1]);
    const auto [x, y] = place(rates[i]);
    const bool few = rates[i - 1].few || rates[i].few;
    const bool few_before = i > 1 && (rates[i - 2].few || rates[i - 1].few);
    PathCommands& pen = few ? thin : thick;
    if (i == 1 || few != few_before) pen.move_to(from_x, from_y);
    pen.step_to(x, y);
  }
  if (rates.size() == 1) {  // one corner alone: a dot
    const auto [x, y] = place(rates[0]);
    chart.svg().circle(x, y, 2.2, "fill=\"#0072b2\"");
  }
  chart.svg().path(thin.finish(), "fill=\"none\" stroke=\"#0072b2\" stroke-width=\"1\"");
  chart.svg().path(thick.finish(), "fill=\"none\" stroke=\"#0072b2\" stroke-width=\"2.4\"");
}

void mark_cost(Chart& chart, const SortedScores& scores, double prior, const std::string& name) {
  const MinimalCost best = min_detection_cost(scores, {.target_prior = prior});
  double misses = 0, false_alarms = 0;
  for (const double s : scores.targets()) misses += s <= best.threshold;
  for (const double s : scores.non_targets()) false_alarms += s > best.threshold;
  const double miss = misses / static_cast<double>(scores.targets().size());
  const double fa = false_alarms / static_cast<double>(scores.non_targets().size());
  const std::string words = name + " = " + short_number(best.cost);
  const double x = fa > 0 ? probit(fa) : -9, y = miss > 0 ? probit(miss) : -9;
  if (x < chart.x_axis().low || x > chart.x_axis().high || y < chart.y_axis().low ||
      y > chart.y_axis().high) {
    chart.corner_note(words + (fa <= 0     ? ", without a false alarm"
                               : miss <= 0 ? ", without a miss"
                                           : ", outside the frame"));
    return;
  }
  chart.svg().circle(chart.x(x), chart.y(y), 4.5,
                     "fill=\"#fff\" stroke=\"#222\" stroke-width=\"1.6\"");
  chart.note(chart.x(x), chart.y(y) - 10, words);
}

}  // namespace

std::string det_svg(const PlotData& data) {
  const EqualErrorRate eer = equal_error_rate(data.scores);
  const auto [least_fa, least_miss] = least_rates(data.scores, eer.rate);
  Chart chart(data.title, "Detection error trade-off; " + trials_text(data.scores),
              rate_axis(least_fa, eer.rate, "false alarms: different-speaker trials accepted (%)"),
              rate_axis(least_miss, eer.rate, "misses: same-speaker trials rejected (%)"));
  const double low = std::max(chart.x_axis().low, chart.y_axis().low);
  const double high = std::min(chart.x_axis().high, chart.y_axis().high);
  chart.svg().line(chart.x(low), chart.y(low), chart.x(high), chart.y(high),
                   "stroke=\"#999\" stroke-dasharray=\"4 4\"");
  chart.legend("30 errors or more", "stroke=\"#0072b2\" stroke-width=\"2.4\"");
  chart.legend("fewer", "stroke=\"#0072b2\" stroke-width=\"1\"");
  const auto rates = corners(data.scores, chart);
  draw_curve(chart, rates);
  if (rates.empty())
    chart.note((chart.x(low) + chart.x(high)) / 2, (chart.y(low) + chart.y(high)) / 2,
               "No threshold has both misses and false alarms: there is no curve to draw");
  mark_cost(chart, data.scores, 0.01, "minDCF(0.01)");
  mark_cost(chart, data.scores, 0.001, "minDCF(0.001)");
  const std::string words = "EER = " + short_number(100 * eer.rate) + " %";
  const double at = eer.rate > 0 ? probit(eer.rate) : chart.x_axis().low - 1;
  if (at >= low && at <= high) {
    chart.svg().circle(chart.x(at), chart.y(at), 4.5, "fill=\"#222\"");
    chart.note(chart.x(at) + 52, chart.y(at) - 8, words);
  } else {
    chart.corner_note(words);
  }
  return std::move(chart).finish();
}

}  // namespace balr
