#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balr/evaluation/plots.hpp"
#include "evaluation/plots/svg.hpp"

namespace balr {

// Blue and vermilion of Okabe and Ito's palette, told apart by those who see no red or no green;
// the different-speaker curve is dashed besides, for print.
inline constexpr const char* kTargetColour = "#0072b2";
inline constexpr const char* kOtherColour = "#d55e00";

struct Tick {
  double value = 0;
  std::string label;
};
// About `count` round numbers inside [low, high].
std::vector<Tick> round_ticks(double low, double high, int count);
// The range of the values with a margin; [-1, 1] around them if there is but one or none.
std::pair<double, double> padded_range(double low, double high);
// A number for people: `digits` significant ones at most.
std::string short_number(double value, int digits = 3);
std::string log10_text(double natural_log, int digits = 3);  // natural_log / ln 10, infinities as ∞

// One axis: values to pixels, by way of a rising function (the identity, or probit).
struct Axis {
  double low = 0, high = 1;
  double first_pixel = 0, last_pixel = 1;
  std::vector<Tick> ticks = {};
  std::string name = {};
  bool low_strip = false, high_strip = false;  // room for -inf and +inf beside the range
  double at(double value) const;               // infinite values: the middle of their strip
};

// The frame of a diagram: title, axes with ticks and a grid, legend.
class Chart {
 public:
  Chart(const std::string& title, const std::string& subtitle, Axis x, Axis y);

  double x(double value) const { return x_.at(value); }
  double y(double value) const { return y_.at(value); }
  const Axis& x_axis() const { return x_; }
  const Axis& y_axis() const { return y_; }
  Svg& svg() { return svg_; }

  void vertical(double value, std::string_view style);
  void horizontal(double value, std::string_view style);
  // A note at a place inside the frame, kept from running out of it.
  void note(double pixel_x, double pixel_y, const std::string& words, const char* colour = "#444");
  void corner_note(const std::string& words);  // in the upper right corner, one below the other
  void legend(const std::string& words, std::string_view style);  // below the title, in order
  // The bounds of the reported log-LRs (natural), and how many trials they cut.
  void bounds(const PlotData& data);

  std::string finish() &&;

 private:
  void draw_frame();

  Axis x_, y_;
  Svg svg_;
  double legend_x_ = 0, corner_y_ = 0;
};

// "412 same-speaker and 3,008 different-speaker trials".
std::string trials_text(const SortedScores& scores);
std::string grouped(std::int64_t count);  // 3,008

}  // namespace balr
