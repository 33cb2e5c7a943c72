#include <algorithm>
#include <cmath>
#include <functional>

#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "evaluation/plots/chart.hpp"
#include "evaluation/plots/values.hpp"

namespace balr {
namespace {

constexpr int kPoints = 61;  // log10 odds from -3 to 3
double odds_at(int i) { return -3 + 0.1 * i; }

std::vector<double> curve(const std::function<double(double)>& entropy) {
  std::vector<double> out;
  for (int i = 0; i < kPoints; ++i) out.push_back(entropy(odds_at(i) * std::numbers::ln10));
  return out;
}

void draw(Chart& chart, const std::vector<double>& values, std::string_view style) {
  PathCommands path;
  bool inside = false;
  for (int i = 0; i < kPoints; ++i) {
    const double value = values[static_cast<std::size_t>(i)];
    if (!(value <= chart.y_axis().high)) {  // infinite, or beyond the frame
      inside = false;
      continue;
    }
    if (inside)
      path.line_to(chart.x(odds_at(i)), chart.y(value));
    else
      path.move_to(chart.x(odds_at(i)), chart.y(value));
    inside = true;
  }
  chart.svg().path(path.finish(), "fill=\"none\" " + std::string(style));
}

}  // namespace

std::string ece_svg(const PlotData& data) {
  const auto blocks = pool_adjacent_violators(data.scores);
  const auto system = curve([&](double o) { return empirical_cross_entropy(data.scores, o); });
  const auto best = curve([&](double o) { return min_empirical_cross_entropy(blocks, o); });
  const auto neutral = curve([](double o) { return neutral_cross_entropy(o); });
  double top = 1;
  for (const double value : system)
    if (std::isfinite(value)) top = std::max(top, std::min(value, 2.0));
  Axis x{.low = -3, .high = 3};
  x.ticks = round_ticks(-3, 3, 6);
  x.name = "log₁₀ prior odds";
  Axis y{.low = 0, .high = 1.05 * top};
  y.ticks = round_ticks(0, y.high, 6);
  y.name = "empirical cross-entropy (bits)";
  Chart chart(data.title, "Empirical cross-entropy; " + trials_text(data.scores), x, y);
  constexpr const char* kSystem = "stroke=\"#0072b2\" stroke-width=\"2.2\"";
  constexpr const char* kBest = "stroke=\"#009e73\" stroke-width=\"2\" stroke-dasharray=\"7 4\"";
  constexpr const char* kNeutral = "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"2 3\"";
  chart.legend("likelihood ratios", kSystem);
  chart.legend("after the best calibration (PAV)", kBest);
  chart.legend("LR = 1 always", kNeutral);
  chart.vertical(0, "stroke=\"#999\"");
  draw(chart, neutral, kNeutral);
  draw(chart, best, kBest);
  draw(chart, system, kSystem);
  const double at_one = system[kPoints / 2];
  const std::string words =
      "CLLR = " + short_number(at_one) + ", min " + short_number(best[kPoints / 2]);
  if (at_one <= y.high) chart.svg().circle(chart.x(0), chart.y(at_one), 4, "fill=\"#0072b2\"");
  chart.note(chart.x(0), chart.y(std::min(at_one, top)) - 10, words);
  if (!std::isfinite(at_one))
    chart.note(chart.x(0), chart.y(top / 2),
               "infinite: a log-LR of −∞ or +∞ supports the wrong side", "#a33");
  return std::move(chart).finish();
}

}  // namespace balr
