#include <algorithm>
#include <cmath>

#include "evaluation/plots/chart.hpp"
#include "evaluation/plots/values.hpp"

namespace balr {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// Shares of all trials of a side: per bin, and of the infinite ones.
struct Shares {
  std::vector<double> bins;
  double below = 0, above = 0;
};

// Rice's rule, 2 n^(1/3), on the smaller side, within what the eye can tell apart.
int bin_count(const SortedScores& scores) {
  const std::size_t n = std::min(scores.targets().size(), scores.non_targets().size());
  return std::clamp(static_cast<int>(std::ceil(2 * std::cbrt(static_cast<double>(n)))), 8, 80);
}

Shares shares(std::span<const double> sorted, double low, double high, int bins, double unit) {
  Shares out;
  out.bins.assign(static_cast<std::size_t>(bins), 0);
  const double one = 1 / static_cast<double>(sorted.size());
  for (const double s : sorted) {
    if (std::isinf(s)) {
      (s < 0 ? out.below : out.above) += one;
      continue;
    }
    const double place = (s * unit - low) / (high - low) * bins;
    out.bins[static_cast<std::size_t>(std::clamp(static_cast<int>(place), 0, bins - 1))] += one;
  }
  return out;
}

double highest(const Shares& s) {
  return std::max({*std::max_element(s.bins.begin(), s.bins.end()), s.below, s.above});
}

void draw(Chart& chart, const Shares& shares, double low, double high, const char* colour,
          const std::string& dashes, double aside) {
  const double width = (high - low) / static_cast<double>(shares.bins.size());
  const double ground = chart.y(0);
  std::string outline = "M" + svg_number(chart.x(low)) + " " + svg_number(ground);
  for (std::size_t i = 0; i < shares.bins.size(); ++i) {
    const std::string height = svg_number(chart.y(shares.bins[i]));
    const double left = low + width * static_cast<double>(i);
    outline += "L" + svg_number(chart.x(left)) + " " + height + "L" +
               svg_number(chart.x(left + width)) + " " + height;
  }
  outline += "L" + svg_number(chart.x(high)) + " " + svg_number(ground);
  const std::string style = "fill=\"" + std::string(colour) + "\" fill-opacity=\"0.18\" stroke=\"" +
                            colour + "\" stroke-width=\"1.8\"" + dashes;
  chart.svg().path(outline, style);
  for (const auto& [side, share] : {std::pair{-kInf, shares.below}, std::pair{kInf, shares.above}})
    if (share > 0)
      chart.svg().rect(chart.x(side) + aside - 8, chart.y(share), 16, ground - chart.y(share),
                       style);
}

}  // namespace

std::string histogram_svg(const PlotData& data) {
  data.scores.require_both_sides();
  Extent both;
  both.add(data.scores.targets());
  both.add(data.scores.non_targets());
  const double unit = data.log_lrs ? 1 / std::numbers::ln10 : 1;
  const auto [low, high] = padded_range(both.low * unit, both.high * unit);
  const int bins = bin_count(data.scores);
  const Shares targets = shares(data.scores.targets(), low, high, bins, unit);
  const Shares others = shares(data.scores.non_targets(), low, high, bins, unit);

  Axis x{.low = low, .high = high};
  x.ticks = round_ticks(low, high, 10);
  x.name = data.log_lrs ? "log₁₀ likelihood ratio" : "score";
  x.low_strip = both.below > 0;
  x.high_strip = both.above > 0;
  Axis y{.low = 0, .high = 1.08 * std::max(highest(targets), highest(others))};
  y.ticks = round_ticks(0, y.high, 6);
  y.name = "share of the trials of its kind";
  Chart chart(data.title, "Histogram; " + trials_text(data.scores), x, y);
  chart.legend("same speaker", "stroke=\"#0072b2\" stroke-width=\"2\"");
  chart.legend("different speakers",
               "stroke=\"#d55e00\" stroke-width=\"2\" stroke-dasharray=\"7 3\"");
  if (data.log_lrs && low < 0 && high > 0) chart.vertical(0, "stroke=\"#666\"");
  draw(chart, others, low, high, kOtherColour, " stroke-dasharray=\"7 3\"", -9);
  draw(chart, targets, low, high, kTargetColour, "", 9);
  if (data.log_lrs) chart.bounds(data);
  return std::move(chart).finish();
}

}  // namespace balr
