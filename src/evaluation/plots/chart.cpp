#include "evaluation/plots/chart.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

namespace balr {
namespace {

constexpr double kWidth = 760, kHeight = 600;
constexpr double kLeft = 76, kRight = 730, kTop = 120, kBottom = 530;
constexpr double kStrip = 44;  // for infinite values
constexpr const char* kGrid = "stroke=\"#e4e4e4\"";
constexpr const char* kInk = "stroke=\"#222\"";

// A letter is about half as wide as it is high; continuation bytes of UTF-8 are no letters.
double text_width(const std::string& words) {
  return 6.3 * static_cast<double>(std::count_if(words.begin(), words.end(),
                                                 [](char c) { return (c & 0xC0) != 0x80; }));
}

Axis placed(Axis axis, double from, double to) {
  const double sign = to > from ? 1 : -1;
  axis.first_pixel = from + (axis.low_strip ? sign * kStrip : 0);
  axis.last_pixel = to - (axis.high_strip ? sign * kStrip : 0);
  return axis;
}

}  // namespace

std::vector<Tick> round_ticks(double low, double high, int count) {
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  std::vector<Tick> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    ticks.push_back({i * step, short_number(i * step, 6)});
  return ticks;
}

std::pair<double, double> padded_range(double low, double high) {
  if (!(low <= high)) return {-1, 1};  // no finite value
  if (high - low < 1e-9 * std::max(1.0, std::abs(high))) return {low - 1, high + 1};
  const double margin = 0.03 * (high - low);
  return {low - margin, high + margin};
}

std::string short_number(double value, int digits) {
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  if (std::abs(value) < 1e-12) return "0";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::abs(value),
                                 std::chars_format::general, digits)
                       .ptr;
  return (value < 0 ? "−" : "") + std::string(buffer, end);
}

std::string log10_text(double natural_log, int digits) {
  return short_number(natural_log / std::numbers::ln10, digits);
}

double Axis::at(double value) const {
  const double sign = last_pixel > first_pixel ? 1 : -1;
  if (std::isinf(value))
    return value < 0 ? first_pixel - sign * kStrip / 2 : last_pixel + sign * kStrip / 2;
  return first_pixel + (value - low) / (high - low) * (last_pixel - first_pixel);
}

Chart::Chart(const std::string& title, const std::string& subtitle, Axis x, Axis y)
    : x_(placed(std::move(x), kLeft, kRight)),
      y_(placed(std::move(y), kBottom, kTop)),
      svg_(kWidth, kHeight),
      legend_x_(kLeft) {
  // Long titles are set smaller, down to what can be read; bold letters are wider.
  const double size = std::clamp(17 * (kRight - kLeft) / (1.55 * text_width(title)), 7.0, 17.0);
  svg_.text(kLeft, 28, title, Svg::Anchor::kStart,
            "font-size=\"" + svg_number(size) + "\" font-weight=\"bold\"");
  svg_.text(kLeft, 50, subtitle, Svg::Anchor::kStart, "fill=\"#444\"");
  draw_frame();
}

void Chart::draw_frame() {
  constexpr auto kMiddle = Svg::Anchor::kMiddle;
  for (const Tick& tick : x_.ticks) {
    svg_.line(x(tick.value), kTop, x(tick.value), kBottom, kGrid);
    svg_.text(x(tick.value), kBottom + 19, tick.label, kMiddle);
  }
  for (const Tick& tick : y_.ticks) {
    svg_.line(kLeft, y(tick.value), kRight, y(tick.value), kGrid);
    svg_.text(kLeft - 8, y(tick.value) + 4.5, tick.label, Svg::Anchor::kEnd);
  }
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::string strip = "stroke=\"#222\" stroke-dasharray=\"2 3\"";
  for (const double side : {-kInf, kInf}) {
    if (side < 0 ? x_.low_strip : x_.high_strip) {
      const double edge = side < 0 ? x_.first_pixel : x_.last_pixel;
      svg_.line(edge, kTop, edge, kBottom, strip);
      svg_.text(x(side), kBottom + 19, short_number(side), kMiddle, "font-size=\"16\"");
    }
    if (side < 0 ? y_.low_strip : y_.high_strip) {
      const double edge = side < 0 ? y_.first_pixel : y_.last_pixel;
      svg_.line(kLeft, edge, kRight, edge, strip);
      svg_.text(kLeft - 8, y(side) + 5, short_number(side), Svg::Anchor::kEnd, "font-size=\"16\"");
    }
  }
  svg_.text((x_.first_pixel + x_.last_pixel) / 2, kBottom + 46, x_.name, kMiddle);
  svg_.text_upwards(26, (y_.first_pixel + y_.last_pixel) / 2, y_.name);
}

void Chart::vertical(double value, std::string_view style) {
  svg_.line(x(value), kTop, x(value), kBottom, style);
}

void Chart::horizontal(double value, std::string_view style) {
  svg_.line(kLeft, y(value), kRight, y(value), style);
}

void Chart::note(double pixel_x, double pixel_y, const std::string& words, const char* colour) {
  const double half = text_width(words) / 2;
  const bool at_end = pixel_x + half > kRight - 4, at_start = pixel_x - half < kLeft + 4;
  const double at = at_end ? kRight - 5 : at_start ? kLeft + 5 : pixel_x;
  const auto anchor = at_end     ? Svg::Anchor::kEnd
                      : at_start ? Svg::Anchor::kStart
                                 : Svg::Anchor::kMiddle;
  // A white rim keeps the words readable over lines. (paint-order would do it in one element, but
  // not in every program.)
  svg_.text(at, pixel_y, words, anchor,
            "font-size=\"12\" fill=\"#fff\" stroke=\"#fff\" stroke-width=\"3.5\" "
            "stroke-linejoin=\"round\"");
  svg_.text(at, pixel_y, words, anchor, "font-size=\"12\" fill=\"" + std::string(colour) + "\"");
}

void Chart::legend(const std::string& words, std::string_view style) {
  svg_.line(legend_x_, 76, legend_x_ + 26, 76, style);
  svg_.text(legend_x_ + 32, 80.5, words);
  legend_x_ += 32 + 1.08 * text_width(words) + 22;
}

void Chart::corner_note(const std::string& words) {
  corner_y_ += 18;
  note(kRight, kTop + corner_y_, words);
}

void Chart::bounds(const PlotData& data) {
  const std::pair<double, std::int64_t> sides[] = {{data.bounds.lower, data.cut_below},
                                                   {data.bounds.upper, data.cut_above}};
  double height = kTop - 21;  // in the margin, where they cover nothing
  for (const auto& [bound, cut] : sides) {
    const double value = bound / std::numbers::ln10;
    if (!std::isfinite(value) || value < x_.low || value > x_.high) continue;
    vertical(value, "stroke=\"#009e73\" stroke-width=\"1.5\" stroke-dasharray=\"7 4\"");
    note(x(value), height, "bound " + log10_text(bound) + ": " + grouped(cut) + " cut", "#00734f");
    height += 16;
  }
}

std::string Chart::finish() && {
  svg_.rect(kLeft, kTop, kRight - kLeft, kBottom - kTop, "fill=\"none\" " + std::string(kInk));
  return std::move(svg_).finish();
}

std::string grouped(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string trials_text(const SortedScores& scores) {
  return grouped(static_cast<std::int64_t>(scores.targets().size())) + " same-speaker and " +
         grouped(static_cast<std::int64_t>(scores.non_targets().size())) +
         " different-speaker trials";
}

}  // namespace balr
