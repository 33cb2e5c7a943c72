#include <algorithm>

#include "evaluation/plots/chart.hpp"
#include "evaluation/plots/values.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// A dot in the strip of infinite values at the curve's height there, and how many they are.
void mark_infinite(Chart& chart, double side, double share, std::size_t count, const char* colour) {
  if (count == 0) return;
  chart.svg().circle(chart.x(side), chart.y(share), 4,
                     "fill=\"" + std::string(colour) + "\" stroke=\"#fff\"");
  chart.note(chart.x(side), chart.y(share) + (share > 0.5 ? 17 : -9),
             grouped(static_cast<std::int64_t>(count)), colour);
}

// The share of values <= x, as steps from the smallest finite value to the largest.
void draw_rising(Chart& chart, std::span<const double> sorted, const Extent& extent) {
  const auto count = static_cast<double>(sorted.size());
  PathCommands path;
  for (std::size_t i = extent.below; i < sorted.size() - extent.above; ++i) {
    const double x = chart.x(to_log10(sorted[i]));
    if (i == extent.below) path.move_to(x, chart.y(static_cast<double>(i) / count));
    path.step_to(x, chart.y(static_cast<double>(i + 1) / count));
  }
  chart.svg().path(path.finish(), "fill=\"none\" stroke=\"#0072b2\" stroke-width=\"2\"");
  mark_infinite(chart, -kInf, static_cast<double>(extent.below) / count, extent.below,
                kTargetColour);
  mark_infinite(chart, kInf, 1, extent.above, kTargetColour);
}

// The share of values >= x, from the largest finite value to the smallest.
void draw_falling(Chart& chart, std::span<const double> sorted, const Extent& extent) {
  const auto count = static_cast<double>(sorted.size());
  PathCommands path;
  for (std::size_t i = sorted.size() - extent.above; i-- > extent.below;) {
    const auto above = static_cast<double>(sorted.size() - i - 1);
    const double x = chart.x(to_log10(sorted[i]));
    if (i + 1 == sorted.size() - extent.above) path.move_to(x, chart.y(above / count));
    path.step_to(x, chart.y((above + 1) / count));
  }
  chart.svg().path(path.finish(),
                   "fill=\"none\" stroke=\"#d55e00\" stroke-width=\"2\" stroke-dasharray=\"7 3\"");
  mark_infinite(chart, kInf, static_cast<double>(extent.above) / count, extent.above, kOtherColour);
  mark_infinite(chart, -kInf, 1, extent.below, kOtherColour);
}

}  // namespace

std::string tippett_svg(const PlotData& data) {
  data.scores.require_both_sides();
  Extent targets, others, both;
  targets.add(data.scores.targets());
  others.add(data.scores.non_targets());
  both.add(data.scores.targets());
  both.add(data.scores.non_targets());
  const auto [low, high] = padded_range(to_log10(both.low), to_log10(both.high));
  Axis x{.low = low, .high = high};
  x.ticks = round_ticks(low, high, 10);
  x.name = "log₁₀ likelihood ratio";
  x.low_strip = both.below > 0;
  x.high_strip = both.above > 0;
  Axis y{.low = -0.02, .high = 1.02};
  y.ticks = round_ticks(0, 1, 10);
  y.name = "cumulative proportion";
  Chart chart(data.title, "Tippett plot; " + trials_text(data.scores), x, y);
  chart.legend("same speaker, LR at most x", "stroke=\"#0072b2\" stroke-width=\"2\"");
  chart.legend("different speakers, LR at least x",
               "stroke=\"#d55e00\" stroke-width=\"2\" stroke-dasharray=\"7 3\"");
  if (low < 0 && high > 0) chart.vertical(0, "stroke=\"#666\"");
  draw_falling(chart, data.scores.non_targets(), others);
  draw_rising(chart, data.scores.targets(), targets);
  chart.bounds(data);
  return std::move(chart).finish();
}

}  // namespace balr
