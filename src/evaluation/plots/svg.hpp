#pragma once
#include <string>
#include <string_view>

namespace balr {

// Text with &, <, > and quotes escaped, without control characters; bytes that are no UTF-8 become
// U+FFFD. So what a user calls his data cannot break the file.
std::string xml_text(std::string_view text);

// Up to two decimals, without trailing zeros: a hundredth of a pixel.
std::string svg_number(double value);

// A small part of SVG 1.1: what a diagram needs. Coordinates in pixels, y downwards.
class Svg {
 public:
  Svg(double width, double height);

  // `style` is attributes, as in `stroke="#888" stroke-width="1"`.
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rect(double x, double y, double width, double height, std::string_view style);
  void circle(double x, double y, double radius, std::string_view style);
  void path(std::string_view commands, std::string_view style);
  enum class Anchor { kStart, kMiddle, kEnd };
  void text(double x, double y, std::string_view words, Anchor anchor = Anchor::kStart,
            std::string_view style = "");
  void text_upwards(double x, double y, std::string_view words);  // turned by 90 degrees, centred

  std::string finish() &&;

 private:
  std::string out_;
};

// The commands of a path that skips vertices closer than 0.3 pixels to the one before.
class PathCommands {
 public:
  void move_to(double x, double y);
  void line_to(double x, double y);
  // To (x, y) by a horizontal line and then a vertical one.
  void step_to(double x, double y);
  // The end must not be skipped.
  const std::string& finish();

 private:
  void write(double x, double y);
  std::string out_;
  double x_ = 0, y_ = 0;            // the last vertex written
  double last_x_ = 0, last_y_ = 0;  // the last one asked for
};

}  // namespace balr
