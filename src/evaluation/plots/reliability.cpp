#include <algorithm>
#include <cmath>
#include <tuple>

#include "balr/evaluation/pav.hpp"
#include "evaluation/plots/chart.hpp"
#include "evaluation/plots/values.hpp"

namespace balr {
namespace {

// Short strokes at the frame's edge where trials lie; no more than one per pixel.
void draw_rug(Chart& chart, std::span<const double> sorted, bool at_top, const char* colour) {
  const double edge = at_top ? chart.y_axis().last_pixel : chart.y_axis().first_pixel;
  const double other = edge + (at_top ? 9 : -9);
  std::string strokes;
  double before = -1e9;
  for (const double s : sorted) {
    const double x = chart.x(to_log10(s));
    if (x - before < 1) continue;
    before = x;
    strokes += "M" + svg_number(x) + " " + svg_number(edge) + "V" + svg_number(other);
  }
  chart.svg().path(strokes,
                   "stroke=\"" + std::string(colour) + "\" stroke-width=\"0.8\" fill=\"none\"");
}

// Blocks as level strokes, joined by uprights; those of infinite height in their strips.
void draw_blocks(Chart& chart, const std::vector<PavBlock>& blocks, const SortedScores& scores) {
  const auto targets = static_cast<std::int64_t>(scores.targets().size());
  const auto others = static_cast<std::int64_t>(scores.non_targets().size());
  PathCommands path;
  bool joined = false;
  for (const PavBlock& block : blocks) {
    const double log_lr = to_log10(pav_log_lr(block, targets, others));
    const double left = chart.x(to_log10(block.lowest)), right = chart.x(to_log10(block.highest));
    const double y = chart.y(log_lr);
    if (std::isinf(log_lr)) {
      chart.svg().line(left, y, std::max(right, left + 2), y, "stroke=\"#222\" stroke-width=\"4\"");
      chart.note((left + right) / 2, y + (log_lr < 0 ? -10 : 17),
                 grouped(block.targets + block.non_targets) +
                     (log_lr < 0 ? " different-speaker trials below all others"
                                 : " same-speaker trials above all others"));
      joined = false;
      continue;
    }
    if (joined)
      path.step_to(left, y);
    else
      path.move_to(left, y);
    path.line_to(right, y);
    joined = true;
    // A block of one score would be a dot without length.
    if (right - left < 2) chart.svg().circle((left + right) / 2, y, 2.2, "fill=\"#222\"");
  }
  chart.svg().path(path.finish(), "fill=\"none\" stroke=\"#222\" stroke-width=\"2.2\"");
}

}  // namespace

std::string reliability_svg(const PlotData& data) {
  const auto blocks = pool_adjacent_violators(data.scores);
  const auto targets = static_cast<std::int64_t>(data.scores.targets().size());
  const auto others = static_cast<std::int64_t>(data.scores.non_targets().size());
  Extent both;
  both.add(data.scores.targets());
  both.add(data.scores.non_targets());
  Axis x, y;
  std::tie(x.low, x.high) = padded_range(to_log10(both.low), to_log10(both.high));
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  for (const PavBlock& block : blocks) {
    const double log_lr = to_log10(pav_log_lr(block, targets, others));
    if (log_lr == -std::numeric_limits<double>::infinity()) y.low_strip = true;
    if (log_lr == std::numeric_limits<double>::infinity()) y.high_strip = true;
    if (!std::isfinite(log_lr)) continue;
    lowest = std::min(lowest, log_lr);
    highest = std::max(highest, log_lr);
  }
  std::tie(y.low, y.high) = padded_range(lowest, highest);
  // The diagonal should be seen: at least the decade around LR = 1.
  y.low = std::min(y.low, -0.5);
  y.high = std::max(y.high, 0.5);
  x.ticks = round_ticks(x.low, x.high, 10);
  y.ticks = round_ticks(y.low, y.high, 8);
  x.name = "log₁₀ likelihood ratio reported";
  y.name = "log₁₀ likelihood ratio after the best calibration (PAV)";
  x.low_strip = both.below > 0;
  x.high_strip = both.above > 0;
  Chart chart(data.title, "Reliability; " + trials_text(data.scores), x, y);
  chart.legend("PAV", "stroke=\"#222\" stroke-width=\"2.2\"");
  chart.legend("calibrated", "stroke=\"#009e73\" stroke-width=\"1.6\" stroke-dasharray=\"5 4\"");
  chart.legend("same speaker (top)", "stroke=\"#0072b2\"");
  chart.legend("different speakers (bottom)", "stroke=\"#d55e00\"");
  chart.vertical(0, "stroke=\"#bbb\"");
  chart.horizontal(0, "stroke=\"#bbb\"");
  const double low = std::max(x.low, y.low), high = std::min(x.high, y.high);
  if (low < high)
    chart.svg().line(chart.x(low), chart.y(low), chart.x(high), chart.y(high),
                     "stroke=\"#009e73\" stroke-width=\"1.6\" stroke-dasharray=\"5 4\"");
  draw_rug(chart, data.scores.targets(), true, kTargetColour);
  draw_rug(chart, data.scores.non_targets(), false, kOtherColour);
  draw_blocks(chart, blocks, data.scores);
  chart.bounds(data);
  return std::move(chart).finish();
}

}  // namespace balr
